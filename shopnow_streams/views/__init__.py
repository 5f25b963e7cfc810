"""Read-only HTTP on every worker: a file a resource.

`gather` asks all workers and merges; `page` turns what was asked into bounded parameters, and errors into RFC 9457
problems; `routes` lists what there is.
"""
