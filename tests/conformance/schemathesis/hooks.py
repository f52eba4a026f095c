"""What schemathesis cannot know from the description: how to authenticate, and that the operation headers of a write
name the device that sends it and the conversation of its path.

The server's address is taken from BEISTAND_CONFORMANCE_URL, the app from BEISTAND_CONFORMANCE_APP_KEY, and an admin
from BEISTAND_CONFORMANCE_AGENT and BEISTAND_CONFORMANCE_PASSWORD and the key that tokens are signed
with from BEISTAND_CONFORMANCE_TOKEN_KID and BEISTAND_CONFORMANCE_TOKEN_SECRET (all with the demo's defaults).
"""

import base64
import hashlib
import hmac
import itertools
import json
import os
import random
import re
import time
import urllib.request
import uuid

import schemathesis

URL = os.environ["BEISTAND_CONFORMANCE_URL"].rstrip("/")
APP_KEY = os.environ.get("BEISTAND_CONFORMANCE_APP_KEY", "demo")
AGENT = os.environ.get("BEISTAND_CONFORMANCE_AGENT", "Deniz")
PASSWORD = os.environ.get("BEISTAND_CONFORMANCE_PASSWORD", "demo")
TOKEN_KID = os.environ.get("BEISTAND_CONFORMANCE_TOKEN_KID", "demo")
TOKEN_SECRET = os.environ.get("BEISTAND_CONFORMANCE_TOKEN_SECRET", "beistand-demo: no secret, for laptops only")

DEVICE = str(uuid.uuid4())
SECRET = os.urandom(32).hex()
LANE_SEQ = itertools.count(1)
UUID = "[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"


def call(method, path, body, headers):
    request = urllib.request.Request(
        URL + path,
        data=json.dumps(body).encode(),
        method=method,
        headers={"Content-Type": "application/json", "X-App-Key": APP_KEY, **headers},
    )
    return urllib.request.urlopen(request, timeout=10)


call("PUT", f"/v1/devices/{DEVICE}", {"secret": SECRET}, {})


def token():
    """A token that says who the device is: always the same user, since a device never changes hands."""

    def part(raw):
        return base64.urlsafe_b64encode(raw).rstrip(b"=")

    now = int(time.time())
    header = {"alg": "HS256", "kid": TOKEN_KID}
    claims = {"sub": f"conformance-{DEVICE}", "aud": APP_KEY, "iat": now, "exp": now + 600}
    message = part(json.dumps(header).encode()) + b"." + part(json.dumps(claims).encode())
    signature = hmac.new(TOKEN_SECRET.encode(), message, hashlib.sha256).digest()
    return (message + b"." + part(signature)).decode()


def operation(conversation, lane="conversation"):
    return {
        "Authorization": f"Bearer {DEVICE}.{SECRET}",
        "Operation-Id": str(uuid.uuid4()),
        "Operation-Order": f"{DEVICE}/{lane}:{conversation}/{next(LANE_SEQ)}",
    }


# A conversation that exists: made-up ids alone would never get past 404.
CONVERSATION = str(uuid.uuid4())
MESSAGE = str(uuid.uuid4())
call(
    "PUT",
    f"/v1/conversations/{CONVERSATION}",
    {"subject": "Conformance", "message": {"id": MESSAGE, "text": "Hello"}},
    operation(CONVERSATION),
)


def announcement(attachment, content):
    """The headers of tus that announce a file."""
    members = {
        "id": attachment,
        "filename": "note.txt",
        "filetype": "text/plain",
        "sha256": hashlib.sha256(content).hexdigest(),
    }
    metadata = ",".join(f"{key} {base64.b64encode(value.encode()).decode()}" for key, value in members.items())
    return {"Upload-Length": str(len(content)), "Upload-Metadata": metadata}


def tus(method, path, who, headers, body=b""):
    request = urllib.request.Request(
        URL + path,
        data=body,
        method=method,
        headers={"X-App-Key": APP_KEY, "Tus-Resumable": "1.0.0", **who, **headers},
    )
    return urllib.request.urlopen(request, timeout=10)


def upload(base, who, content, whole):
    """A file of which all, or nothing yet, has arrived."""
    attachment = str(uuid.uuid4())
    tus("POST", base, who, announcement(attachment, content))
    if whole:
        headers = {"Content-Type": "application/offset+octet-stream", "Upload-Offset": "0"}
        tus("PATCH", f"{base}/{attachment}", who, headers, content)
    return attachment


def published():
    """The number of the demo's FAQ in German and one of its pictures."""
    request = urllib.request.Request(URL + "/v1/faq/de", headers={"X-App-Key": APP_KEY})
    with urllib.request.urlopen(request, timeout=10) as answer:
        _, header, contents = answer.read().split(b"\n", 2)
    images = [image["sha256"] for article in json.loads(contents)["articles"] for image in article.get("images", [])]
    return json.loads(header)["version"], images[0]


FAQ_VERSION, FAQ_IMAGE = published()


def is_category(value):
    return isinstance(value, str)


with urllib.request.urlopen(
    urllib.request.Request(URL + "/v1/config", headers={"X-App-Key": APP_KEY}), timeout=10
) as answer:
    CATEGORY = json.load(answer)["categories"][0]["id"]


def sign_in():
    answer = call("POST", "/v1/agent/session", {"name": AGENT, "password": PASSWORD}, {})
    return answer.headers["Set-Cookie"].split(";")[0]


SESSION = sign_in()
WHO = {"/v1/uploads": {"Authorization": f"Bearer {DEVICE}.{SECRET}"}, "/v1/agent/uploads": {"Cookie": SESSION}}
# A whole file to download, and one that waits for its bytes.
FILES = {base: upload(base, who, b"Conformance", True) for base, who in WHO.items()}
UNFINISHED = {base: upload(base, who, b"Conformance", False) for base, who in WHO.items()}


# The bytes of an upload are bytes like any others.
schemathesis.serializer.alias("application/offset+octet-stream", "application/octet-stream")


@schemathesis.auth()
class Credentials:
    """A device for the visitor API, a session for the agents'."""

    def get(self, case, context):
        return case.operation.path

    def set(self, case, data, context):
        path = case.operation.path
        case.headers = case.headers or {}
        if path == "/v1/agent/session" and case.operation.method.lower() == "delete":
            # One of its own: signing out must not end the session of all other cases.
            case.headers["Cookie"] = sign_in()
        elif path.startswith("/v1/agent/") and path != "/v1/agent/session":
            case.headers["Cookie"] = SESSION
        elif path == "/v1/agent/session":
            case.headers["Cookie"] = SESSION
            case.headers["X-App-Key"] = APP_KEY
        elif path.startswith("/v1/"):
            case.headers["X-App-Key"] = APP_KEY
            if path == "/v1/devices/{device_id}" and case.operation.method.lower() == "delete":
                # One of its own: signing off must not end the device of all other cases.
                device, secret = str(uuid.uuid4()), os.urandom(32).hex()
                call("PUT", f"/v1/devices/{device}", {"secret": secret}, {})
                case.headers["Authorization"] = f"Bearer {device}.{secret}"
            elif path not in ("/v1/config", "/v1/devices/{device_id}"):
                case.headers["Authorization"] = f"Bearer {DEVICE}.{SECRET}"


def is_uuid(value):
    return re.fullmatch(UUID, str(value)) is not None


@schemathesis.hook
def before_call(context, case, kwargs):
    """Gives a valid write ids and headers that fit each other; what was made invalid on purpose stays so."""
    headers = case.headers or {}
    if "X-App-Key" in headers:
        # Made up where another credential is left out: an unknown app would be the first thing to be refused.
        headers["X-App-Key"] = APP_KEY
    path, method = case.operation.path, case.operation.method.lower()
    parameters = case.path_parameters or {}
    base = "/v1/agent/uploads" if path.startswith("/v1/agent/") else "/v1/uploads"
    if is_uuid(parameters.get("attachment_id")) and random.random() < 0.8:
        known = UNFINISHED if path.startswith(base) and method != "delete" else FILES
        parameters["attachment_id"] = str(uuid.uuid4()) if method == "delete" else known[base]
    if path == base and method == "post" and "Upload-Metadata" in headers and str(headers.get("Upload-Length")).isdigit():
        # Made-up metadata would be refused before anything else is looked at.
        if random.random() < 0.5:
            headers.update(announcement(str(uuid.uuid4()), os.urandom(8)))
    if path == "/v1/faq/{locale}" and random.random() < 0.8:
        # Made-up tags alone would never get a publication, nor made-up numbers what changed since.
        parameters["locale"] = random.choice(["de", "de-AT", "en", "it"])
        if isinstance((case.query or {}).get("since"), int) and case.query["since"] >= 0:
            case.query["since"] = FAQ_VERSION
    if re.fullmatch("[0-9a-f]{64}", str(parameters.get("sha256"))) and random.random() < 0.8:
        parameters["sha256"] = FAQ_IMAGE
    if path == "/v1/devices/{device_id}" and method == "delete" and is_uuid(parameters.get("device_id")):
        # The device that asks is the only one that it may sign off.
        credential = re.fullmatch(f"Bearer ({UUID})[.].*", str(headers.get("Authorization")))
        if credential and random.random() < 0.8:
            parameters["device_id"] = credential[1]
    if path == "/v1/identity" and isinstance(case.body, dict) and isinstance(case.body.get("token"), str):
        if random.random() < 0.5:
            case.body["token"] = token()
    opens = path == "/v1/conversations/{id}" and method != "get"
    if opens and is_uuid(parameters.get("id")):
        parameters["id"] = str(uuid.uuid4())
    elif is_uuid(parameters.get("id")) and random.random() < 0.8:
        parameters["id"] = CONVERSATION
    if is_uuid(parameters.get("message_id")):
        parameters["message_id"] = MESSAGE if method == "patch" else str(uuid.uuid4())
    if opens and isinstance(case.body, dict) and isinstance(case.body.get("message"), dict):
        if is_uuid(case.body["message"].get("id")):
            case.body["message"]["id"] = str(uuid.uuid4())
        if is_category(case.body.get("category")) and random.random() < 0.8:
            case.body["category"] = CATEGORY
    order = str(headers.get("Operation-Order"))
    if path.startswith("/v1/faq/") and re.fullmatch("[0-9a-f-]{36}/([a-z]+:[0-9a-f-]{36}|faq)/[1-9][0-9]*", order):
        headers["Operation-Order"] = f"{DEVICE}/faq/{next(LANE_SEQ)}"
        headers.pop("Beistand-Epoch", None)
    match = re.search(f"/v1/conversations/({UUID})", case.formatted_path)
    if match and re.fullmatch("[0-9a-f-]{36}/((conversation|read):[0-9a-f-]{36}|faq)/[1-9][0-9]*", order):
        lane = "read" if path.endswith("/read") else "conversation"
        headers["Operation-Order"] = f"{DEVICE}/{lane}:{match[1]}/{next(LANE_SEQ)}"
        # Another epoch would be refused before anything else is looked at.
        headers.pop("Beistand-Epoch", None)
    case.headers = headers
