"""The endpoints, one file a group. CONTRIBUTING.md says how to add one."""
