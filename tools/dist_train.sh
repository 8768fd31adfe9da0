#!/usr/bin/env bash
# Usage: tools/dist_train.sh CONFIG PROCESSES [options of train.py]
# One process per GPU, or on CPUs where there is none. Several machines: NNODES, NODE_RANK,
# MASTER_ADDR, PORT.
set -euo pipefail
[ $# -ge 2 ] || { sed -n '2,4s/^# //p' "$0" >&2; exit 2; }
TOOLS=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
PYTHONPATH="$TOOLS/..${PYTHONPATH:+:$PYTHONPATH}" exec "${PYTHON:-python}" -m torch.distributed.run \
    --nnodes="${NNODES:-1}" --node_rank="${NODE_RANK:-0}" \
    --master_addr="${MASTER_ADDR:-127.0.0.1}" --master_port="${PORT:-29500}" \
    --nproc_per_node="$2" "$TOOLS/train.py" "$1" --launcher pytorch "${@:3}"
