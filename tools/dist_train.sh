#!/usr/bin/env bash
# Usage: tools/dist_train.sh CONFIG PROCESSES [options of train.py]
# One process per GPU, or on CPUs where there is none. Several machines: NNODES, NODE_RANK,
# MASTER_ADDR, PORT.
set -euo pipefail
[ $# -ge 2 ] || { sed -n '2,4s/^# //p' "$0" >&2; exit 2; }
say() { echo "error: $1" >&2; exit 1; }
[[ $2 =~ ^([1-9][0-9]*|gpu|cpu|auto)$ ]] || say "PROCESSES must be a number of at least 1, got $2"
PORT=${PORT:-29500}
[[ $PORT =~ ^[1-9][0-9]{0,4}$ && $PORT -lt 65536 ]] || say "PORT must be within 1..65535, got $PORT"
# The first machine listens there; nobody else may.
if [ "${NODE_RANK:-0}" = 0 ] && (: < "/dev/tcp/127.0.0.1/$PORT") 2> /dev/null; then
    say "port $PORT is in use, by another run perhaps. Take another: PORT=$((PORT + 1)) $0 $*"
fi
TOOLS=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
PYTHONPATH="$TOOLS/..${PYTHONPATH:+:$PYTHONPATH}" exec "${PYTHON:-python}" -m torch.distributed.run \
    --nnodes="${NNODES:-1}" --node_rank="${NODE_RANK:-0}" \
    --master_addr="${MASTER_ADDR:-127.0.0.1}" --master_port="$PORT" \
    --nproc_per_node="$2" "$TOOLS/train.py" "$1" --launcher pytorch "${@:3}"
