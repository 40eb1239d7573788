"""LitServe as its documentation shows it: two workers a device, no batching."""

import sys
from typing import Any

import litserve

from benchmarks.serve.peers.model import THREADS, Model


class Api(litserve.LitAPI):  # type: ignore[misc]
    """One message."""

    def setup(self, device: str) -> None:  # noqa: ARG002
        """In each worker."""
        self.model = Model(sys.argv[1])

    def decode_request(self, request: dict[str, Any]) -> str:
        """The text."""
        return str(request["text"])

    def predict(self, text: str) -> dict[str, Any]:
        """The answer."""
        return self.model.answer(text)

    def encode_response(self, answer: dict[str, Any]) -> dict[str, Any]:
        """As it is."""
        return answer


if __name__ == "__main__":
    api = Api(api_path="/classify")
    server = litserve.LitServer(api, accelerator="cpu", workers_per_device=THREADS)
    server.run(
        host="127.0.0.1", port=int(sys.argv[2]), log_level="error", generate_client_file=False
    )
