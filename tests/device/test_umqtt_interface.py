"""Session stands on the umqtt.simple of the image, old or new; the same promises hold on both."""

import sys

from fakes import newer_umqtt


class Package:
    simple = newer_umqtt


def use_the_newer_one():
    sys.modules["umqtt"] = Package
    sys.modules["umqtt.simple"] = newer_umqtt


async def test_a_message_is_acknowledged_on_the_newer_interface():
    use_the_newer_one()
    import test_mqtt

    from firmware.mqtt import Session

    assert issubclass(Session, newer_umqtt.MQTTClient)
    await test_mqtt.test_messages_are_acknowledged_to_their_owner_in_order()
    await test_mqtt.test_the_login_carries_will_keepalive_and_a_session_to_keep()
    await test_mqtt.test_a_subscription_granted_and_one_refused()


async def test_the_old_interface_is_the_one_of_the_pinned_release():
    from umqtt.simple import MQTTClient

    from firmware.mqtt import Session

    assert issubclass(Session, MQTTClient)
    assert MQTTClient("id", "host").ssl is False


async def test_connect_takes_the_arguments_of_both():
    from test_mqtt import Rig

    async with Rig() as rig:
        await rig.session.up.wait()
        await rig.session.disconnect()
        rig.task.cancel()
        assert await rig.session.connect(clean_session=True, timeout=3) is False
        assert rig.broker.having("connect")[-1]["flags"] & 2
