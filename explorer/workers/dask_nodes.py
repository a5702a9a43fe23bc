"""Dask's scheduler and worker without their HTTP servers, which no Dask setting turns off."""

import distributed


class _WithoutHttp:
    """Omits the HTTP server, whose pages any user of the machine could read; all other traffic uses TLS."""

    def start_http_server(self, *_: object, **__: object) -> None:
        """Opens no port."""


class Scheduler(_WithoutHttp, distributed.Scheduler):
    """Dask's scheduler, with the same class name because Dask looks settings up by it."""


class Worker(_WithoutHttp, distributed.Worker):
    """Dask's worker, with the same class name because Dask looks settings up by it."""
