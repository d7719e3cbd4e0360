"""Every message to people, in each language: what is said stands in the TOML files here, under a key."""

from rag.messages.catalogue import ENGLISH, LANGUAGES, Catalogue
from rag.messages.message import CATALOGUE, FileMessage, Message, as_it_stands, message

__all__ = [
    "CATALOGUE",
    "ENGLISH",
    "LANGUAGES",
    "Catalogue",
    "FileMessage",
    "Message",
    "as_it_stands",
    "message",
]
