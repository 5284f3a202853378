"""The sandbox: the platform's REST API and a real broker, on one laptop, for developing devices.

What is documented, what is assumed
    documented  paths, field names and samples of the public API reference; the topics
                devices/<id>/telemetry, status, attributes and events
    assumed     status codes (201 register and create, 204 delete, 404, 409, 422), the body of
                an error ({"detail": ...}), where register puts the MQTT login (flat mqtt_*
                fields), paging and filter parameters, sensors/<key> topics, what feeds
                is_online, stability_score and health
    ours alone  everything under /sandbox/

What it is not: fast, shared between users, or safe to put on the internet. It says 501 to the
calls of the reference that it does not serve, and has no plan limits and no rate limits.
"""
