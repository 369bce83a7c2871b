"""llama.cpp's library, made to fail: a thin library of the same name before the real one, in a copy of the package."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

SOURCE = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <math.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct batch {
    int32_t n_tokens; int32_t *token; float *embd; int32_t *pos; int32_t *n_seq_id; int32_t **seq_id; int8_t *logits;
};

static int is(const char *mode) {
    const char *wanted = getenv("BROKEN_LLAMA"), *model = getenv("BROKEN_MODEL");
    if (!wanted || strcmp(wanted, mode)) return 0;
    if (!model) return 1;
    char line[4096] = {0};
    int file = open("/proc/self/cmdline", O_RDONLY);
    ssize_t length = read(file, line, sizeof line - 1);
    close(file);
    return length > 0 && memmem(line, length, model, strlen(model)) != NULL;
}

int32_t llama_decode(void *context, struct batch batch) {
    int32_t (*real)(void *, struct batch) = dlsym(RTLD_NEXT, "llama_decode");
    int several = 0;
    for (int32_t at = 1; at < batch.n_tokens; at++) several |= batch.seq_id[at][0] != batch.seq_id[0][0];
    if (is("dies")) raise(SIGSEGV);
    if (is("dies in prefill") && batch.n_tokens >= 64) raise(SIGILL);
    if (is("dies with several") && several) raise(SIGABRT);
    /* The self-test's prompts begin with the token 17. */
    int job = batch.n_tokens > 1 && batch.pos[1] == batch.pos[0] + 1 && batch.token[0] != 17;
    if (is("dies of jobs") && job && access(getenv("BROKEN_FILE"), F_OK) == 0) raise(SIGSEGV);
    if (is("hangs")) for (;;) pause();
    if (is("refuses")) return -3;
    return real(context, batch);
}

float *llama_get_logits_ith(void *context, int32_t at) {
    float *(*real)(void *, int32_t) = dlsym(RTLD_NEXT, "llama_get_logits_ith");
    float *logits = real(context, at);
    if (is("gives NaN")) logits[3] = NAN;
    /* The demo model's vocabulary. */
    if (is("gives noise")) for (int i = 0; i < 1024; i++) logits[i] = (float) rand() / RAND_MAX;
    return logits;
}
"""


def broken_library(folder: Path) -> Path:
    """A folder for PYTHONPATH in which llama_cpp fails as the variables of `breaking` say."""
    found = importlib.util.find_spec("llama_cpp")
    assert found is not None
    assert found.origin is not None
    package = Path(found.origin).parent
    copy = folder / "llama_cpp"
    shutil.copytree(package, copy, ignore=shutil.ignore_patterns("lib", "__pycache__"))
    (copy / "lib").mkdir()
    for library in (package / "lib").iterdir():
        if library.name != "libllama.so":
            (copy / "lib" / library.name).symlink_to(library)
    # The real one under another name, also inside, so that the thin one can ask for it by that.
    real = (package / "lib" / "libllama.so").read_bytes()
    (copy / "lib" / "librlama.so").write_bytes(real.replace(b"\0libllama.so\0", b"\0librlama.so\0"))
    (folder / "broken.c").write_text(SOURCE)
    subprocess.run(
        [
            *("cc", "-shared", "-fPIC", "-O1", "-o", str(copy / "lib" / "libllama.so"), str(folder / "broken.c")),
            *("-Wl,--no-as-needed", "-Wl,-rpath,$ORIGIN", str(copy / "lib" / "librlama.so"), "-ldl"),
        ],
        check=True,
    )
    return folder


def breaking(folder: Path, how: str, *, model: str | None = None, **more: str) -> Mapping[str, str]:
    """The environment of processes whose library fails; of those alone that serve a model, if it is named."""
    path = os.pathsep.join([str(folder), *filter(None, [os.environ.get("PYTHONPATH")])])
    return {"PYTHONPATH": path, "BROKEN_LLAMA": how, **({"BROKEN_MODEL": model} if model else {}), **more}
