"""Dask's scheduler and worker without the HTTP server that each opens, for which Dask has no setting."""

import distributed


class _WithoutHttp:
    """Leaves out the pages and figures that any user of the machine could read; the work goes over TLS alone."""

    def start_http_server(self, *_: object, **__: object) -> None:
        """Opens no port."""


class Scheduler(_WithoutHttp, distributed.Scheduler):
    """Dask's scheduler, by its own name because settings go by the class's name."""


class Worker(_WithoutHttp, distributed.Worker):
    """Dask's worker, by its own name because settings go by the class's name."""
