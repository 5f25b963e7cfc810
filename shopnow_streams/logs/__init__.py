"""What the worker says of itself: sentences with fields, for people on a terminal or for programs as JSON.

logger → a `logging` record with fields → record (its fields, a third party's as well) → redaction → format
"""
