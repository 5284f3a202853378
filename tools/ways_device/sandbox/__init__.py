"""The sandbox: the platform's REST API and a real broker, on one laptop, for developing devices.

What is documented, what is assumed
    documented  paths, field names and samples of the public API reference; the topics
                devices/<id>/telemetry, status, attributes and events
    assumed     status codes (201 register and create, 204 delete, 404, 409, 422, 429 at the
                plan's limit), the body of an error and where register puts the MQTT login (both
                as the dialect has it), paging and filter parameters, sensors/<key> topics, what
                feeds is_online, connection_status, stability_score and health, which step an
                alarm may take from which state, days and months of UTC in the usage
    ours alone  everything under /sandbox/, the keys data_bytes_* and active_devices_* of usage

What it is not: fast, shared between users, or safe to put on the internet. It has no rate
limits, and keeps what devices send until they are deleted.
"""
