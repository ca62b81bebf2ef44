"""A focus ring turned by four coils, from a request to the picture: every process real, the rig simulated."""

import pytest
from daemon_process import daemon

RING = (
    "axis.kind=ring",
    "axis.driver=ULN2003",
    "axis.home_allowed=false",
    "axis.ring.ends_deg=[-30, 60]",
    "axis.ring.distances=[[-30, 200], [60, 400]]",
    "simulation={scene: ruler, size_px: [320, 240], start_mm: 1.0, subject_mm: 1.5}",
)


@pytest.fixture(scope="module")
def ring(tmp_path_factory):
    with daemon(tmp_path_factory.mktemp("ring"), *RING) as running:
        yield running


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/jog", {"distance_u": 4000.0, "unit": "um"}),
        ("/goto", {"position_u": 4000.0, "unit": "um"}),
        ("/mark", {"end": "near", "position_u": 4000.0, "unit": "um"}),
        ("/plan", {"length_u": 4000.0, "count": 3, "unit": "um"}),
        ("/shoot", {"length_u": 4000.0, "count": 3, "unit": "um"}),
    ],
)
def test_millimetres_are_refused_with_words_and_nothing_turns(ring, path, body):
    before = ring.ask("/sim/state")["carriage"]["edges"]
    status, answer = ring.call("POST", path, **body)
    assert (status, answer["exit_code"]) == (409, 3)
    assert "this axis is a focus ring" in answer["detail"] and "12.5deg" in answer["detail"]
    assert ring.ask("/sim/state")["carriage"]["edges"] == before


def test_a_ring_does_not_home_whoever_allows_it(ring):
    for body in ({}, {"allow": True}):
        status, answer = ring.call("POST", "/home", **body)
        assert (status, answer["exit_code"]) == (409, 3)
        assert "no switch to home to" in answer["detail"]
    assert ring.ask("/status")["axis"]["homing_allowed"] is False


def test_before_its_owner_has_said_where_it_stands_it_turns_but_goes_nowhere(ring):
    assert ring.tell("/jog", distance_u=-2.0, unit="deg")["trust"] == "unknown"
    status, answer = ring.call("POST", "/goto", position_u=1.0, unit="deg")
    assert (status, answer["exit_code"]) == (409, 3)
    assert "focusctl zero" in answer["detail"]
    assert ring.ask("/status")["axis"]["subject_mm"] is None
    ring.tell("/jog", distance_u=2.0, unit="deg")


def test_zeroed_at_its_mark_it_goes_to_degrees_and_no_further_than_its_ends(ring):
    place = ring.tell("/zero")
    assert (place["position_u"], place["trust"], place["unit"]) == (0.0, "known", "deg")
    begun = ring.ask("/sim/state")["carriage"]
    assert ring.tell("/goto", position_u=15.0, unit="deg")["position_u"] == pytest.approx(15.0, abs=0.05)
    axis = ring.ask("/status")["axis"]
    part = (axis["position_u"] + 30) / 90
    assert axis["subject_mm"] == pytest.approx(1 / ((1 - part) / 200 + part / 400))
    status, answer = ring.call("POST", "/goto", position_u=61.0, unit="deg")
    assert (status, answer["exit_code"]) == (409, 3)
    assert "beyond the far end of the reach" in answer["detail"] and " ° beyond" in answer["detail"]
    plan = ring.tell("/plan", near_u=-10.0, far_u=10.0, count=5, unit="deg")
    assert plan["subject_mm"][0] < axis["subject_mm"] and not plan["homes_first"]
    ring.tell("/goto", position_u=0.0)
    carriage = ring.ask("/sim/state")["carriage"]
    assert carriage["lost_steps"] == begun["lost_steps"]
    assert carriage["motor_steps"] == begun["motor_steps"]
    everything = ring.ask("/axis")
    assert (everything["counts_from"], everything["switches"]) == ("mark", {"near": None, "far": None})
    assert everything["near_end_u"] == pytest.approx(-30.0, abs=0.05)


def test_a_stack_in_degrees_is_shot_and_merged_and_no_step_is_lost(ring):
    ring.tell("/zero")
    begun = ring.ask("/sim/state")["carriage"]
    there = ring.tell("/jog", distance_u=2.0, unit="deg")
    assert (there["unit"], there["trust"]) == ("deg", "known")
    assert there["position_u"] == pytest.approx(2.0, abs=0.1)
    plan = ring.tell("/plan", around_u=6.0, pitch_u=1.0, unit="deg")
    assert (plan["unit"], plan["slices"], plan["homes_first"]) == ("deg", 7, False)
    ring.tell("/shoot", around_u=6.0, pitch_u=1.0, unit="deg", after="stay")
    assert ring.wait_for("stack_done")["slices"] == 7
    assert ring.wait_for("progress")["unit"] == "deg"
    assert ring.wait_for("merge_done")["slices"] == 7
    ring.wait_for("job_ended", lambda event: event["kind"] == "shoot" and event["ending"] == "done")
    ended, place = ring.ask("/sim/state")["carriage"], ring.ask("/status")["axis"]
    assert ended["lost_steps"] == begun["lost_steps"]
    assert ended["net_edges"] - begun["net_edges"] == place["position_steps"]
    assert ended["motor_steps"] - begun["motor_steps"] == place["position_steps"]


def test_full_steps_keep_count_in_real_time(tmp_path):
    with daemon(tmp_path, *RING, "axis.ring.microsteps=1") as ring:
        ring.tell("/jog", distance_u=1.0, unit="deg")
        ring.tell("/zero")
        begun = ring.ask("/sim/state")["carriage"]
        place = ring.tell("/goto", position_u=20.0, unit="deg")
        ended = ring.ask("/sim/state")["carriage"]
        assert ended["net_edges"] - begun["net_edges"] == place["position_steps"]
        assert ended["motor_steps"] - begun["motor_steps"] == 2 * place["position_steps"]
        assert ended["lost_steps"] == begun["lost_steps"]
