"""Files that clients upload and batches write."""

import re
import time
from dataclasses import dataclass, field

from tests.fakes.api_chat import Json
from tests.fakes.api_faults import error_reply, json_reply
from tests.fakes.api_http import HttpReply, HttpRequest

_NAME = re.compile(r'\bname="([^"]*)"')
_FILENAME = re.compile(r'\bfilename="([^"]*)"')


@dataclass(frozen=True, slots=True)
class FormPart:
    """One field of a form; `filename` is empty where it is no file."""

    filename: str
    content: bytes


@dataclass(slots=True)
class Files:
    """What was stored, by id."""

    objects: dict[str, Json] = field(default_factory=dict)
    contents: dict[str, bytes] = field(default_factory=dict)

    def add(self, name: str, content: bytes, purpose: str) -> Json:
        """Store a file and return its object."""
        file_id = f"file-fake-{len(self.objects):04d}"
        self.contents[file_id] = content
        self.objects[file_id] = {
            "id": file_id,
            "object": "file",
            "bytes": len(content),
            "created_at": int(time.time()),
            "expires_at": None,
            "filename": name,
            "purpose": purpose,
            "status": "processed",
            "status_details": None,
        }
        return self.objects[file_id]

    def upload(self, request: HttpRequest) -> HttpReply:
        """Store what a form brought."""
        parts = form_parts(request)
        purpose = parts["purpose"].content.decode() if "purpose" in parts else ""
        if purpose != "batch" or "file" not in parts:
            message = f"fields {sorted(parts)}, purpose {purpose!r}; a file for 'batch' is needed"
            return error_reply(400, message, kind="invalid_request_error", param="purpose")
        return json_reply(self.add(parts["file"].filename, parts["file"].content, purpose))

    def read(self, file_id: str) -> HttpReply:
        """Return a file's bytes."""
        if file_id not in self.contents:
            return not_found("File", file_id)
        return HttpReply(body=self.contents[file_id], content_type="application/octet-stream")

    def show(self, file_id: str) -> HttpReply:
        """Return a file's object."""
        if file_id not in self.objects:
            return not_found("File", file_id)
        return json_reply(self.objects[file_id])


def not_found(what: str, name: str) -> HttpReply:
    """Return a 404 about something with this id."""
    return error_reply(404, f"No such {what} object: {name}", kind="invalid_request_error")


def form_parts(request: HttpRequest) -> dict[str, FormPart]:
    """Return the fields of a multipart form by their names."""
    boundary = re.search(r'boundary="?([^";]+)', request.headers.get("content-type", ""))
    if boundary is None:
        return {}
    parts = {}
    for piece in request.body.split(b"--" + boundary[1].encode())[1:-1]:
        head, _, content = piece.partition(b"\r\n\r\n")
        described = head.decode()
        filename = _FILENAME.search(described)
        name = _NAME.search(described)
        if name:
            content = content.removesuffix(b"\r\n")
            parts[name[1]] = FormPart(filename[1] if filename else "", content)
    return parts
