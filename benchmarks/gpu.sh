#!/usr/bin/env bash
# What a GPU is measured by, in one command of under five minutes, into one file: the CUDA tests, the core study, kernels a
# step, run-steps per second against peers (JAX among them where it is installed), and the kernel that trains whole cells.
#
#   benchmarks/gpu.sh [FILE]          # gpu.txt, if no other is named
#   benchmarks/gpu.sh --long [FILE]   # in under nine minutes: with what each switch gains, and more time for the rest
#   benchmarks/gpu.sh --dry [FILE]    # every part on the CPU, as small as can be: does this script work?
#
# PYTHON names the interpreter, python3 by default. Neither the package nor MLflow or DVC need be installed. A part that
# outlasts its share of the time is cut off and keeps what it has printed. Ends with 1 if a part failed.
set -uo pipefail

dry="" long="" device=cuda END=290  # seconds
if [ "${1:-}" = --dry ]; then dry=1 device=cpu; shift; fi
if [ "${1:-}" = --long ]; then long=1 END=530; shift; fi
file="$(realpath -- "${1:-gpu.txt}")"
cd "$(dirname "$0")/.." || exit
python="${PYTHON:-python3}"
export PYTHONPATH="$PWD/src${PYTHONPATH:+:$PYTHONPATH}" PYTHONDONTWRITEBYTECODE=1
unset ABLATION_STORE

"$python" - <<'END' || exit
import importlib.util, sys

NEEDED = {
    "torch": "torch", "numpy": "numpy", "pandas": "pandas", "pyarrow": "pyarrow", "scipy": "scipy",
    "sklearn": "scikit-learn", "hydra": "hydra-core", "omegaconf": "omegaconf", "antlr4": "antlr4-python3-runtime",
    "yaml": "PyYAML", "safetensors": "safetensors", "psutil": "psutil", "filelock": "filelock", "tqdm": "tqdm",
    "pytest": "pytest",
}
missing = [name for module, name in NEEDED.items() if importlib.util.find_spec(module) is None]
if sys.version_info < (3, 11):
    sys.exit(f"error: gpu.sh: Python 3.11 or later is needed, {sys.executable} is {sys.version.split()[0]}")
if missing:
    sys.exit(f"error: gpu.sh: {sys.executable} lacks {' '.join(missing)}")
END
if [ ! "$dry" ]; then
    "$python" -c 'import sys, torch; torch.cuda.is_available() or sys.exit(
        f"error: gpu.sh: torch {torch.__version__} finds no CUDA device; --dry tries the script without one")' || exit
fi

scratch="$(mktemp -d)"
trap 'rm -rf "$scratch"' EXIT
failed=0

# part TITLE SECONDS COMMAND...: run it for so long at most, and no longer than there is time; without its progress bar.
part() {
    local title=$1 limit=$2 left=$((END - SECONDS)) status
    shift 2
    printf '\n## %s\n\n' "$title"
    [ "$limit" -le "$left" ] || limit=$left
    if [ "$limit" -lt 5 ]; then echo "left out: no time is left"; return; fi
    # An interrupt, upon which pytest tells what has failed so far.
    timeout --signal=INT --kill-after=5 "$limit" "$@" 2>&1 | tr '\r' '\n' | grep --line-buffered -v '%|\|^USDT:'
    status=${PIPESTATUS[0]}
    case $status in
        0) ;;
        124 | 137) echo "cut off after $limit s" ;;
        *) echo "failed with $status"; failed=1 ;;
    esac
    return "$status"
}

# core SECONDS OVERRIDE...: train the core study in a folder of its own; as what it timed itself and as a user waits.
core() {
    local limit=$1 begun=$SECONDS folder
    folder="$(mktemp -d -p "$scratch")"
    shift
    part "study=core device=$device $*" "$limit" "$python" pipelines/study.py study=core "device=$device" \
        tracking=none "paths.root=$folder" "${small[@]}" "$@" || return
    took=$((SECONDS - begun))
    echo "$took s from start to end"
    cat "$folder/results/core/timing.json"
}

versions() {
    "$python" - <<'END'
import importlib.metadata, platform, sys, torch

print("Python", sys.version.split()[0], "on", platform.platform())
if torch.cuda.is_available():
    p = torch.cuda.get_device_properties(0)
    print(f"{p.name}, {p.total_memory / 2**30:.0f} GiB, {p.multi_processor_count} multiprocessors, CUDA {torch.version.cuda}")
for name in ("torch", "triton", "numpy", "pandas", "pyarrow", "scikit-learn", "hydra-core", "omegaconf", "jax"):
    try:
        print(name, importlib.metadata.version(name))
    except importlib.metadata.PackageNotFoundError:
        print(name, "-")
END
    nvidia-smi --query-gpu=name,driver_version,memory.total,clocks.max.sm --format=csv 2>/dev/null
    git log -1 --format='commit %h of %ad' 2>/dev/null
}

all() {
    echo "# GPU${dry:+, dry: on the CPU, and no figure counts}"
    echo
    versions
    # shellcheck disable=SC2046
    local rest=180 tests=80
    [ ! "$long" ] || rest=290 tests=120
    part "CUDA tests" "$tests" "$python" -m pytest -q -rfs --tb=short --durations=5 -p no:cacheprovider \
        $(find tests -name 'test_*cuda*.py' -o -name 'test_captured*.py' | sort)
    small=() took=0
    [ ! "$dry" ] || small=(depth=2 width=8 lr=0.1 init=he_normal activation=relu normalization=none clipping=none
        training.epochs=1 engine=serial)
    # A fifth; and the whole study where that leaves time for the rest.
    if core 90 'seed=[0]' && [ $((5 * took + rest)) -lt $((END - SECONDS)) ]; then core 110; fi
    if [ "$dry" ]; then
        part "Run-steps per second" 60 "$python" benchmarks/throughput.py \
            --rows 5x32x64-relu-none --cells 2 --epochs 1 --repeats 1 --columns floor,ours,quiet
        for table in ways kernels; do
            part "The core study's cells, $table" 60 "$python" benchmarks/switches.py "$table" --device cpu \
                --depth 2 --width 8 --rates 1 --seeds 1 --epochs 1 --without compiled
        done
        if "$python" -c 'import triton' 2>/dev/null; then
            TRITON_INTERPRET=1 part "Whole cells in one kernel" 60 "$python" benchmarks/cellkernel.py
        else
            printf '\n## Whole cells in one kernel\n\nleft out: no Triton here\n'
        fi
    else
        [ ! "$long" ] || part "The core study's cells, ways to train them" 150 "$python" benchmarks/switches.py ways
        part "The core study's cells, kernels" 40 "$python" benchmarks/switches.py kernels
        local columns="floor,ours,quiet,compiled,compiled quiet,jax"
        part "Run-steps per second, 20x100" 75 "$python" benchmarks/throughput.py --device cuda \
            --rows 20x100x64-relu --cells 512,36 --repeats 2 --columns "$columns"
        part "Run-steps per second, 5x32" 45 "$python" benchmarks/throughput.py --device cuda \
            --rows 5x32x64-relu-none --cells 4096,512 --repeats 2 --columns "$columns"
        part "Whole cells in one kernel" 45 "$python" benchmarks/cellkernel.py
    fi
    printf '\n%s s in all\n' "$SECONDS"
    return "$failed"
}

all 2>&1 | tee "$file"
