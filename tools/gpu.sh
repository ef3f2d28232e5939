#!/usr/bin/env bash
# Builds, tests and measures the CUDA kernels on a machine with a GPU, in one call of under ten minutes:
#
#   tools/gpu.sh RESULTS.json             needs nvcc and a C++ compiler; cmake, compute-sanitizer and python3 are used where they are
#   tools/gpu.sh --emulated RESULTS.json  the same steps on the SIMT emulation, without nvcc and GPU; nothing is timed
#
# Every step that could not be done is in the results with its reason. Exit code: 0 when no step failed, 1 when one did, 2 for a wrong
# call or a failed build, 3 when there is no usable device.
set -u

usage() {
  sed -n '2,8s/^# \{0,1\}//p' "$0"
  exit 2
}

emulated=false
if [ "${1:-}" = --emulated ]; then
  emulated=true
  shift
fi
[ $# -eq 1 ] || usage
results=$(realpath -m "$1")
package=$(cd "$(dirname "$0")/../packages/native-cuda" && pwd)
cd "$package" || exit 2
build=build/gpu
$emulated && build=build/gpu-emulated
logs=$build/logs
mkdir -p "$logs" "$(dirname "$results")"
steps=()
failed=false
jobs=$(nproc)

# --- steps -----------------------------------------------------------------------------------------------------------

# A JSON string.
quote() {
  local text=$1
  text=${text//\\/\\\\}
  text=${text//\"/\\\"}
  text=$(printf '%s' "$text" | tr '\n\t\r' '   ' | tr -d '\000-\037')
  printf '"%s"' "$text"
}

note() { # name status seconds reason
  steps+=("{\"step\": $(quote "$1"), \"status\": \"$2\", \"seconds\": $3, \"reason\": $(quote "$4")}")
  printf '%-8s %4s s  %s%s\n' "$2" "$3" "$1" "${4:+: $4}"
}

skip() { note "$1" skipped 0 "$2"; }

# step NAME LIMIT COMMAND...: runs it for at most LIMIT seconds; its output goes to a log.
step() {
  local name=$1 limit=$2 log
  log=$logs/$(printf '%s' "$1" | tr -c 'A-Za-z0-9\n' '-').log
  shift 2
  local begin=$SECONDS code
  timeout "$limit" "$@" >"$log" 2>&1
  code=$?
  if [ $code -eq 0 ]; then
    note "$name" passed $((SECONDS - begin)) ""
    return 0
  fi
  failed=true
  local reason="exit code $code"
  [ $code -eq 124 ] && reason="took longer than $limit s"
  note "$name" failed $((SECONDS - begin)) "$reason"
  tail -15 "$log"
  return 1
}

have() { command -v "$1" >/dev/null 2>&1; }

# --- build -----------------------------------------------------------------------------------------------------------

# Compute capability of the first device, e.g. 90; empty when nvidia-smi does not tell.
capability() {
  have nvidia-smi || return 0
  nvidia-smi --query-gpu=compute_cap --format=csv,noheader 2>/dev/null | head -1 | tr -d '. '
}

build_with_cmake() {
  local cuda=(-DVLPRM_CUDA=ON) architecture
  $emulated && cuda=(-DVLPRM_CUDA=OFF)
  architecture=$(capability)
  [ -n "$architecture" ] && cuda+=("-DVLPRM_CUDA_ARCHITECTURES=$architecture-real")
  step configure 60 cmake -S . -B "$build" -DVLPRM_TESTS=ON -DVLPRM_BENCH=ON -DVLPRM_LAB=ON "${cuda[@]}" &&
    step build 300 cmake --build "$build" --parallel "$jobs"
}

# Without cmake: the CPU kernels for the baseline alone, everything else as CMakeLists.txt builds it.
build_by_hand() {
  local cxx=${CXX:-g++} architecture
  architecture=$(capability)
  architecture=${architecture:+sm_$architecture}
  local nvcc=(nvcc -std=c++17 -O3 -fmad=false -Icsrc -Xcompiler -fPIC "-arch=${architecture:-native}")
  local host=("$cxx" -std=gnu++17 -O3 -fno-math-errno -ffp-contract=off -fPIC -Icsrc -Wno-psabi -DVLPRM_ISA=baseline)
  step "build module" 200 "${nvcc[@]}" -shared -o "$build/vlprm_cuda.so" csrc/cuda/*.cu csrc/cuda/*.cc &&
    step "build lab" 200 "${nvcc[@]}" -o "$build/vlprm_lab" csrc/cuda/lab/*.cu csrc/cuda/lab/*.cc csrc/cuda/device.cc csrc/cuda/call.cc &&
    step "build test" 200 "${host[@]}" "-DVLPRM_CUDA_PATH=\"$package/$build/vlprm_cuda.so\"" -o "$build/vlprm_test" csrc/cpu/*.cc \
      $(ls csrc/test/*.cc | grep -v emulation.cc) -pthread -ldl &&
    step "build bench" 200 "${host[@]}" "-DVLPRM_CUDA_PATH=\"$package/$build/vlprm_cuda.so\"" '-DVLPRM_COMPILER="by hand"' -o "$build/vlprm_bench" \
      csrc/cpu/*.cc csrc/bench/*.cc -pthread -ldl
}

if ! $emulated && ! have nvcc; then
  echo "nvcc was not found; --emulated runs without it" >&2
  exit 2
fi
if have cmake; then
  build_with_cmake || exit 2
elif $emulated; then
  echo "--emulated needs cmake" >&2
  exit 2
else
  build_by_hand || exit 2
fi

# --- device ----------------------------------------------------------------------------------------------------------

lab=$build/vlprm_lab
$emulated && lab=$build/vlprm_lab_emulated
if ! device=$("$lab" --check --only nothing 2>&1); then
  case $device in
    *"no usable CUDA device"*)
      echo "$device" >&2
      exit 3
      ;;
  esac
fi
device=$(printf '%s' "$device" | sed -n 's/^device: //p' | head -1)

# --- tests -----------------------------------------------------------------------------------------------------------

step "C++ test" 120 "$build/vlprm_test"
step "lab check" 90 "$lab" --check
for tool in memcheck racecheck; do
  if $emulated; then
    skip "$tool" "needs a GPU"
  elif have compute-sanitizer; then
    step "$tool" 90 compute-sanitizer --tool "$tool" --error-exitcode 1 "$lab" --check
  else
    skip "$tool" "compute-sanitizer was not found"
  fi
done

# --- measurements ----------------------------------------------------------------------------------------------------

rm -f "$build"/lab.json "$build"/bench.json "$build"/peers.json
if $emulated; then
  for name in lab bench; do skip "$name" "needs a GPU"; done
else
  step lab 150 "$lab" --json "$build/lab.json"
  step bench 120 "$build/vlprm_bench" --only cuda --json "$build/bench.json"
fi

if ! have python3; then
  skip "Python peers" "python3 was not found"
elif $emulated; then
  step "Python peers" 120 python3 bench/peers/peers.py suite --device cpu --small --json "$build/peers.json"
else
  step "Python peers" 240 python3 bench/peers/peers.py suite --device cuda --json "$build/peers.json"
fi

# --- results ---------------------------------------------------------------------------------------------------------

driver=$(have nvidia-smi && nvidia-smi --query-gpu=driver_version --format=csv,noheader 2>/dev/null | head -1)
compiler=$(have nvcc && nvcc --version | sed -n 's/.*\(release .*\)/\1/p')
{
  printf '{\n  "schema": "vlprm.gpu/1",\n  "date": "%s",\n  "emulated": %s,\n' "$(date -u +%Y-%m-%dT%H:%M:%SZ)" "$emulated"
  printf '  "device": %s,\n  "driver": %s,\n  "nvcc": %s,\n' "$(quote "$device")" "$(quote "${driver:-}")" "$(quote "${compiler:-}")"
  printf '  "steps": [\n'
  for i in "${!steps[@]}"; do
    [ "$i" -gt 0 ] && printf ',\n'
    printf '    %s' "${steps[$i]}"
  done
  printf '\n  ],\n  "lab": '
  cat "$build/lab.json" 2>/dev/null || echo null
  printf ',\n  "bench": '
  cat "$build/bench.json" 2>/dev/null || echo null
  printf ',\n  "peers": '
  cat "$build/peers.json" 2>/dev/null || echo null
  printf '}\n'
} >"$results"
echo "results: $results ($SECONDS s)"
$failed && exit 1
exit 0
