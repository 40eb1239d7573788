"""FastAPI on uvicorn[standard] (httptools, uvloop), the model in FastAPI's own threads."""

import sys

import uvicorn
from fastapi import FastAPI
from pydantic import BaseModel

from benchmarks.serve.peers.model import Model

MODEL = Model(sys.argv[1])
app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)


class Asked(BaseModel):
    """One message."""

    text: str


@app.post("/classify")
def classify(asked: Asked) -> dict[str, object]:
    """Runs in a thread."""
    return MODEL.answer(asked.text)


if __name__ == "__main__":
    uvicorn.run(app, port=int(sys.argv[2]), log_level="warning", access_log=False)
