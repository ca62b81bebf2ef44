from hypothesis import given
from hypothesis import strategies as st

from focusd.events import EventHub


def names(hub: EventHub, seq: int) -> list[object]:
    return [event["event"] for event in hub.after(seq).events]


def test_events_are_numbered_from_one_and_carry_their_facts() -> None:
    hub = EventHub()
    hub.publish("slice_saved", index=3)
    (event,) = hub.after(0).events
    assert {**event, "at": None} == {"seq": 1, "at": None, "event": "slice_saved", "index": 3}
    assert str(event["at"]).endswith("Z")


def test_a_listener_gets_what_it_has_not_heard() -> None:
    hub = EventHub()
    for name in "abc":
        hub.publish(name)
    assert names(hub, 1) == ["b", "c"]
    assert hub.after(3).events == ()


def test_a_place_from_an_earlier_daemon_counts_as_nothing_heard() -> None:
    hub = EventHub()
    hub.publish("a")
    assert names(hub, 900) == ["a"]


@given(kept=st.integers(1, 8), published=st.integers(0, 30), heard=st.integers(0, 30))
def test_a_slow_listener_is_told_how_much_it_missed(kept: int, published: int, heard: int) -> None:
    hub = EventHub(kept)
    for _ in range(published):
        hub.publish("tick")
    batch = hub.after(min(heard, published))
    assert len(batch.events) <= kept
    assert len(batch.events) + batch.missed == published - min(heard, published)
    assert batch.last_seq == published
    seqs = [event["seq"] for event in batch.events]
    assert seqs == list(range(published - len(seqs) + 1, published + 1))


@given(kept=st.integers(1, 8), published=st.integers(0, 30), most=st.integers(1, 8))
def test_a_few_at_a_time_a_listener_hears_the_same(kept: int, published: int, most: int) -> None:
    hub = EventHub(kept)
    for _ in range(published):
        hub.publish("tick")
    batches = [hub.after(0, most)]
    while batches[-1].last_seq < published:
        batches.append(hub.after(batches[-1].last_seq, most))
    assert max(len(batch.events) for batch in batches) <= most
    assert [event for batch in batches for event in batch.events] == [*hub.after(0).events]
    assert [batch.missed for batch in batches] == [max(0, published - kept), *[0] * (len(batches) - 1)]


def test_listeners_are_woken_until_they_leave() -> None:
    hub, woken = EventHub(), []
    with hub.listening(lambda: woken.append(hub.last_seq)):
        hub.publish("a")
        hub.publish("b")
        hub.close()
    hub.publish("c")
    assert woken == [1, 2, 2]
    assert hub.closed
