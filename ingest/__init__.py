"""Files to an index: load, split into passages, embed, store."""

from ingest.load import load
from ingest.pipeline import IngestReport, ingest, rebuild
from ingest.split import split

__all__ = ["IngestReport", "ingest", "load", "rebuild", "split"]
