"""What a request's signature says of where it was meant to go."""


def scope_of(headers) -> tuple[str, str] | None:
    """The service and Region in `Credential=KEY/DATE/REGION/SERVICE/aws4_request`."""
    authorization = headers.get("Authorization") or headers.get("authorization") or ""
    _, found, rest = authorization.partition("Credential=")
    if not found:
        return None
    _, _, region, service, _ = rest.split(",")[0].split("/")
    return service, region


def region_of(headers) -> str:
    scope = scope_of(headers)
    assert scope, "a request without a signature"
    return scope[1]
