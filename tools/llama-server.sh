#!/usr/bin/env bash
# Builds llama.cpp's server from the sources that the Python package llama-cpp-python carries, for tests that want a real one:
#
#   tools/llama-server.sh PYTHON OUTPUT   needs pip, cmake, ninja and a C++ compiler; takes about 4 minutes on two cores
#
# It runs models of some kilobytes, so the build hurries rather than the server: no optimisation of C++, no web interface, no TLS.
set -euo pipefail

version=0.3.36
if [ $# -ne 2 ]; then
  sed -n '2,6s/^# \{0,1\}//p' "$0"
  exit 2
fi
python=$1
output=$(realpath -m "$2")

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"$python" -m pip download --quiet --no-deps --no-binary llama-cpp-python --dest "$work" "llama-cpp-python==$version"
tar -xzf "$work"/*.tar.gz -C "$work" --strip-components=3 --wildcards '*/vendor/llama.cpp/*'
mkdir "$work/build"
cmake -S "$work" -B "$work/build" -G Ninja -DCMAKE_BUILD_TYPE=Release -DCMAKE_C_FLAGS_RELEASE=-O1 -DCMAKE_CXX_FLAGS_RELEASE=-O0 \
  -DBUILD_SHARED_LIBS=OFF -DGGML_NATIVE=OFF -DGGML_OPENMP=OFF -DGGML_LLAMAFILE=OFF -DLLAMA_OPENSSL=OFF \
  -DLLAMA_BUILD_TESTS=OFF -DLLAMA_BUILD_EXAMPLES=OFF -DLLAMA_BUILD_APP=OFF -DLLAMA_BUILD_UI=OFF -DLLAMA_USE_PREBUILT_UI=OFF \
  >"$work/log" 2>&1 && cmake --build "$work/build" --target llama-server >>"$work/log" 2>&1 || {
  tail -40 "$work/log" >&2
  exit 1
}
mkdir -p "$(dirname "$output")"
cp "$work/build/bin/llama-server" "$output"
