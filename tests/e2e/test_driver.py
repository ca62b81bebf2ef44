"""A motor's driver that is talked to, under a whole daemon."""

from daemon_process import daemon

TALKATIVE = ("axis.driver=TMC2209", "axis.uart={run_ma: 700, hold_ma: 350}")


def verdict(focusd, thing):
    return next(v for v in focusd.ask("/doctor")["verdicts"] if v["thing"] == thing)


def test_a_motor_without_supply_moves_nothing_and_everybody_says_why(tmp_path):
    with daemon(tmp_path, *TALKATIVE) as focusd:
        assert verdict(focusd, "driver")["health"] == "good"
        focusd.home_and_mark()
        focusd.tell("/sim/fault", name="motor_unpowered")
        before = focusd.ask("/sim/state")["carriage"]["edges"]
        status, answer = focusd.call("POST", "/goto", position_u=1500.0, unit="um")
        assert (status, answer["exit_code"]) == (409, 3)
        assert "is the motor's supply on" in answer["detail"]
        assert focusd.ask("/sim/state")["carriage"]["edges"] == before
        assert focusd.ask("/status")["axis"]["trust"] == "assumed"
        assert "does not answer" in verdict(focusd, "driver")["words"]
        focusd.tell("/sim/fault", name="motor_unpowered", on=False)
        status, answer = focusd.call("POST", "/goto", position_u=1500.0, unit="um")
        assert "has been told them again" in answer["detail"]
        assert focusd.tell("/home")["trust"] == "known"
        assert verdict(focusd, "driver")["health"] == "good"
