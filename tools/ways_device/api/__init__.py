"""The platform's REST API: client (HTTP), credentials (tolerant readers), platform (calls)."""
