"""What was made of a time-lapse, over HTTP: its page and its film, as focusctl left them in its folder."""

from pathlib import Path

from fastapi import FastAPI
from fastapi.responses import FileResponse

from focusd.errors import Unknown
from focusd.film_cli import answers_to
from focusd.house import House
from stack.timelapse import Series

PAGE, FILM = "report.html", "film.mp4"


def add_film(app: FastAPI, house: House) -> None:
    """Let clients see them; making them takes minutes of a core, which a daemon has better use for."""

    @app.get("/timelapse/{wanted}/report")
    def report(wanted: str) -> FileResponse:
        return FileResponse(_made(_series(house, wanted), PAGE, "report"), media_type="text/html")

    @app.get("/timelapse/{wanted}/film.mp4")
    def film(wanted: str) -> FileResponse:
        return FileResponse(_made(_series(house, wanted), FILM, "film"), media_type="video/mp4")


def _series(house: House, wanted: str) -> Series:
    known = [shown.series for shown in house.timelapse.all()]
    for series in reversed(known):
        if answers_to(series.id, wanted):
            return series
    there = f"there are {', '.join(series.id for series in known)}" if known else "there are none yet"
    raise Unknown(f'no series is called "{wanted}"; {there}')


def _made(series: Series, name: str, command: str) -> Path:
    path = series.path / name
    if not path.is_file():
        raise Unknown(f"{series.id} has no {name} yet: focusctl timelapse {command} {series.number}")
    return path
