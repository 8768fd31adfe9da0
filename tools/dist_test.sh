#!/usr/bin/env bash
# Usage: tools/dist_test.sh CONFIG CHECKPOINT PROCESSES [options of test.py]
# One process per GPU, or on CPUs where there is none. Several machines: NNODES, NODE_RANK,
# MASTER_ADDR, PORT.
set -euo pipefail
[ $# -ge 3 ] || { sed -n '2,4s/^# //p' "$0" >&2; exit 2; }
source "$(dirname "${BASH_SOURCE[0]}")/dist_launch.sh"
launch "$3" test.py "$1" "$2" "${@:4}"
