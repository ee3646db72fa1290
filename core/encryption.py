"""Secrets and payee accounts at rest: AES-256-GCM bound to the row, the key's id in front; keyed hashes to look up."""

import base64
import hashlib
import hmac
import os
from uuid import UUID

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from flask import current_app

_NONCE_BYTES = 12


def encrypt(text: str, row_id: UUID) -> str:
    """`<key id>:<base64 of nonce and ciphertext>`; only the same row can decrypt it."""
    keys = current_app.config["SETTINGS"].encryption_keys
    key_id = next(iter(keys))
    nonce = os.urandom(_NONCE_BYTES)
    sealed = AESGCM(keys[key_id]).encrypt(nonce, text.encode(), row_id.bytes)
    return f"{key_id}:{base64.b64encode(nonce + sealed).decode()}"


def decrypt(sealed: str, row_id: UUID) -> str:
    """The text that was encrypted for this row.

    Raises:
        KeyError: the key is no longer configured.
        cryptography.exceptions.InvalidTag: another row's, or tampered with.
    """
    key_id, _, encoded = sealed.partition(":")
    raw = base64.b64decode(encoded)
    key = current_app.config["SETTINGS"].encryption_keys[key_id]
    return AESGCM(key).decrypt(raw[:_NONCE_BYTES], raw[_NONCE_BYTES:], row_id.bytes).decode()


def lookup_hash(kind: str, text: str) -> bytes:
    """A keyed hash to find or compare personal data without storing it. `kind` keeps phones and accounts apart."""
    key = current_app.config["SETTINGS"].lookup_key
    return hmac.new(key, f"{kind}\0{text}".encode(), hashlib.sha256).digest()


def masked(text: str) -> str:
    """The last four characters, the rest as stars; short texts are all stars."""
    shown = text[-4:] if len(text) >= 8 else ""
    return "*" * min(8, len(text) - len(shown)) + shown
