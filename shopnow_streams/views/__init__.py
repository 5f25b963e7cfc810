"""Read-only HTTP on every worker: a file a resource.

`gather` asks all workers and merges; `parameters` bounds what is asked, `page` turns errors into RFC 9457 problems.
`stream` pushes what changes: `changed` finds it, `ticks` keeps it, `hub` looks and wakes each `client`.
`routes` lists what there is, `operations` what of it is public, for `openapi` and `docs`; `access` is who may ask.
"""
