"""The whole config: one tree of sections, its checks, and the schema, file and page that are made of it."""
