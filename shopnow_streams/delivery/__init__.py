"""Record batches into Faust agents, explicit commits out.

`reader` fetches with librdkafka; `consumer` keeps group membership with Faust and hands the reader's batches
to its agents; `batch` is what an agent receives.
"""
