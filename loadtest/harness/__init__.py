"""What `bench`, `startup` and `reload` share: the tools, the peers, their processes, and the report."""
