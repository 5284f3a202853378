"""Session stands on the umqtt.simple of the image, old or new; the same promises hold on both."""

import asyncio
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
        await asyncio.sleep_ms(0)
        assert await rig.session.connect(clean_session=True, timeout=3) is False
        assert rig.broker.having("connect")[-1]["flags"] & 2


async def connecting(rig, **options):
    """Return the session of a rig that does not run by itself."""
    await rig.session.up.wait()
    rig.task.cancel()
    await asyncio.sleep_ms(0)
    return rig.session.connect(**options)


async def test_a_connect_that_fails_or_is_cancelled_leaves_no_socket_behind():
    from test_session_rules import faulty

    from fakes.faultysocket import plan

    async with faulty() as rig:
        connect = await connecting(rig)
        rig.session.port, port = 1, rig.session.port
        try:
            await connect
            raise AssertionError("connected")
        except OSError:
            assert plan.opened == plan.closed
        rig.session.port = port
        rig.broker.mute = True
        task = asyncio.create_task(rig.session.connect())
        while plan.opened == plan.closed:
            await asyncio.sleep_ms(1)
        task.cancel()
        await asyncio.sleep_ms(1)
        assert plan.opened == plan.closed and task.done()


async def test_a_session_that_should_be_new_and_is_not_is_an_error():
    from test_mqtt import Rig

    async with Rig() as rig:
        connect = await connecting(rig, clean_session=True)
        rig.broker.connack = [b"\x20\x02\x01\x00"]
        try:
            await connect
        except OSError as exc:
            assert str(exc) == "protocol: session present"
            return
        raise AssertionError("connected")


async def test_after_a_connect_of_its_own_the_session_is_of_use():
    from test_mqtt import Rig

    async with Rig() as rig:
        assert await (await connecting(rig, clean_session=False)) is False
        await asyncio.wait_for_ms(rig.session.publish(b"t", b"sure", qos=1), 3000)
        assert await asyncio.wait_for_ms(rig.session.subscribe(b"c", 1), 3000) == 1
        await rig.session.disconnect()
