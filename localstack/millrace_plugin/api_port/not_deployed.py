"""Answer on the API's port while no application is deployed."""

import json

from localstack.http import Request, Response

from millrace_plugin.front_door import rules

PROBLEM = {
    "type": "about:blank",
    "title": "Service Unavailable",
    "status": 503,
    "detail": "The application is not deployed yet. `./millrace status` tells how far it is.",
}


def answer(request: Request, response: Response) -> None:
    """Answer 503.

    A front end of this machine gets CORS headers, without which it would see a network error. Only the application
    knows which other origins are allowed.
    """
    origin = request.headers.get("Origin")
    if origin and not rules.foreign_origin(request.headers):
        response.headers["Access-Control-Allow-Origin"] = origin
        response.headers["Vary"] = "Origin"
        if _is_preflight(request):
            response.status_code = 204
            response.headers["Access-Control-Allow-Methods"] = request.headers["Access-Control-Request-Method"]
            response.headers["Access-Control-Allow-Headers"] = request.headers.get("Access-Control-Request-Headers", "")
            response.headers["Access-Control-Max-Age"] = "0"
            return
    response.status_code = PROBLEM["status"]
    response.headers["Content-Type"] = "application/problem+json"
    response.headers["Retry-After"] = "5"
    response.data = json.dumps(PROBLEM)


def _is_preflight(request: Request) -> bool:
    return request.method == "OPTIONS" and "Access-Control-Request-Method" in request.headers
