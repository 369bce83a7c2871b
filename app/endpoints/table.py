"""All endpoints: their routes, and what the document tells of them. A new folder is named here."""

from __future__ import annotations

from app.endpoints.batches import document as batches_document
from app.endpoints.batches import routes as batches
from app.endpoints.cluster import document as cluster_document
from app.endpoints.cluster import routes as cluster
from app.endpoints.docs import document as docs_document
from app.endpoints.docs import routes as docs
from app.endpoints.files import document as files_document
from app.endpoints.files import routes as files
from app.endpoints.jobs import document as jobs_document
from app.endpoints.jobs import routes as jobs
from app.endpoints.keys import document as keys_document
from app.endpoints.keys import routes as keys
from app.endpoints.openai import document as openai_document
from app.endpoints.openai import routes as openai
from app.endpoints.openai import token_document
from app.endpoints.openai.responses import document as responses_document
from app.endpoints.openai.responses import routes as responses
from app.openapi.describe import Described

ROUTES = (jobs, openai, responses, files, batches, cluster, keys, docs)
DOCUMENTS = (
    *(jobs_document, openai_document, responses_document, files_document, batches_document),
    *(token_document, cluster_document, keys_document, docs_document),
)

BLUEPRINTS = tuple(blueprint for module in ROUTES for blueprint in module.BLUEPRINTS)
DESCRIBED = Described(
    calls={name: call for document in DOCUMENTS for name, call in document.CALLS.items()},
    tags={document.TAG: document.ABOUT for document in DOCUMENTS},
)
