#!/bin/sh
# Resolve pyproject.toml: everything but torch in all.lock (a developer's), slim.lock and retrain.lock (the two images'), torch and its CUDA libraries in
# torch.lock (so that TORCH_BACKEND=cpu can replace them); neuron.in, another interpreter's, in neuron.lock. What is locked keeps its version; UPGRADE=1 takes the newest of everything.
set -eu
cd "$(dirname "$0")/.."
torch="torch triton cuda-bindings cuda-pathfinder cuda-toolkit nvidia-cublas nvidia-cuda-cupti nvidia-cuda-nvrtc nvidia-cuda-runtime nvidia-cudnn-cu13 nvidia-cufft nvidia-cufile nvidia-curand nvidia-cusolver nvidia-cusparse nvidia-cusparselt-cu13 nvidia-nccl-cu13 nvidia-nvjitlink nvidia-nvshmem-cu13 nvidia-nvtx"
lock="${UV:-.venv/bin/uv} pip compile -q --generate-hashes --no-emit-index-url --no-header --no-annotate --python-version 3.11 --universal"
compile="$lock pyproject.toml"
without_torch=$(for p in $torch; do echo "--no-emit-package $p"; done)
full=$(mktemp)
trap 'rm -f "$full"' EXIT
[ "${UPGRADE:-}" = 1 ] || cat requirements/all.lock requirements/torch.lock > "$full"
everything="--extra train --extra local --extra writers --extra dev"
$compile $everything -o "$full"
$compile $everything -c "$full" $without_torch -o requirements/all.lock
$compile -c "$full" -o requirements/slim.lock
$compile --extra train -c "$full" $without_torch -o requirements/retrain.lock
$compile --extra train -c "$full" $(grep -oE '^[a-z0-9._-]+==' "$full" | tr -d '=' | sort -u | grep -vxF "$(echo $torch | tr ' ' '\n')" | sed 's/^/--no-emit-package /') -o requirements/torch.lock
$lock requirements/neuron.in -o requirements/neuron.lock
