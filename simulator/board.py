"""The Pi of a rig that is not there: what its kernel would say of heat and supply, below /sys."""

from collections.abc import Callable

from simulator.world import World

COOL_MILLIDEGREES = 52_000
HOT_MILLIDEGREES = 91_000


def sysfs(world: World) -> Callable[[str], str]:
    """Give what reads a Pi's files as `world` has them, with its faults `pi_hot` and `under_voltage`."""

    def read(path: str) -> str:
        match path:
            case "class/thermal/thermal_zone0/temp":
                return f"{HOT_MILLIDEGREES if world.broken('pi_hot') else COOL_MILLIDEGREES}\n"
            case "class/hwmon/hwmon0/name":
                return "cpu_thermal\n"
            case "class/hwmon/hwmon1/name":
                return "rpi_volt\n"
            case "class/hwmon/hwmon1/in0_lcrit_alarm":
                return f"{int(world.broken('under_voltage'))}\n"
        raise FileNotFoundError(path)

    return read
