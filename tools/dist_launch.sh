# shellcheck shell=bash
# Read in by dist_train.sh and dist_test.sh. Needs: bash with -euo pipefail.
TOOLS=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
CALLED="$0 $*"

fail() { echo "error: $1" >&2; exit 1; }

# launch PROCESSES TOOL.py ARGUMENTS: the tool of this folder in PROCESSES processes.
launch() {
    local port=${PORT:-29500}
    [[ $1 =~ ^([1-9][0-9]*|gpu|cpu|auto)$ ]] \
        || fail "PROCESSES must be a number of at least 1, got $1"
    [[ $port =~ ^[1-9][0-9]{0,4}$ && $port -lt 65536 ]] \
        || fail "PORT must be within 1..65535, got $port"
    # The first machine listens there; nobody else may.
    if [ "${NODE_RANK:-0}" = 0 ] && (: < "/dev/tcp/127.0.0.1/$port") 2> /dev/null; then
        fail "port $port is in use, by another run perhaps. Take another: PORT=$((port + 1)) $CALLED"
    fi
    PYTHONPATH="$TOOLS/..${PYTHONPATH:+:$PYTHONPATH}" exec "${PYTHON:-python}" \
        -m torch.distributed.run --nnodes="${NNODES:-1}" --node_rank="${NODE_RANK:-0}" \
        --master_addr="${MASTER_ADDR:-127.0.0.1}" --master_port="$port" \
        --nproc_per_node="$1" "$TOOLS/$2" "${@:3}" --launcher pytorch
}
