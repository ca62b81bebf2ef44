"""Stands in for what shows a preview on a screen: there is none."""


class _Anything:
    def __getattr__(self, name: str) -> str:
        return name


PixelFormat = _Anything()
