#!/usr/bin/env bash
# Usage: tools/dist_train.sh CONFIG PROCESSES [options of train.py]
# One process per GPU, or on CPUs where there is none. Several machines: NNODES, NODE_RANK,
# MASTER_ADDR, PORT.
set -euo pipefail
[ $# -ge 2 ] || { sed -n '2,4s/^# //p' "$0" >&2; exit 2; }
source "$(dirname "${BASH_SOURCE[0]}")/dist_launch.sh"
launch "$2" train.py "$1" "${@:3}"
