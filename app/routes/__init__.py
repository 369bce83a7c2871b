"""The endpoints, one file a group. docs/contributing says how to add one."""
