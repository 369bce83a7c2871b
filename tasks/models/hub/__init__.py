"""Models of the Hugging Face Hub, ``hf://owner/repo/file.gguf``: kept where huggingface_hub does, in ``HF_HOME``."""

from tasks.models.hub.cached import downloaded, remove_content, told_sha256
from tasks.models.hub.download import download
from tasks.models.hub.head import fetch_heads
from tasks.models.hub.hub_faults import DownloadFailed, WrongContent
from tasks.models.hub.hub_file import PATTERN, SCHEME, HubFile
from tasks.models.hub.progress import Progress

__all__ = [
    "PATTERN",
    "SCHEME",
    "DownloadFailed",
    "HubFile",
    "Progress",
    "WrongContent",
    "download",
    "downloaded",
    "fetch_heads",
    "remove_content",
    "told_sha256",
]
