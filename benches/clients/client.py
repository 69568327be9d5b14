"""The Python clients, each as its own documentation says to use it, driven as `drive` says."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from typing import Any

from drive import serve, serve_threads, task

EVENTS = 0


def read(path: str) -> bytes:
    with open(path, "rb") as file:
        return file.read()


def heard(_event: object) -> None:
    """A subscriber: events are on in every burst."""
    global EVENTS
    EVENTS += 1


def options(given: dict[str, Any]) -> dict[str, Any]:
    """threelo as a service has it: nothing is switched off."""
    known = {"ca_bundle": given["ca"]} if given["ca"] else {}
    return known | {
        "client_id": "bench",
        "client_secret": "bench",
        "redirect_uri": "http://localhost:3000/callback",
        "scopes": ["read:jira-work"],
        "store": "memory:",
        "endpoints": {"auth": given["base"], "api": given["base"]},
        "on_event": heard,
    }


def connection(given: dict[str, Any]) -> dict[str, Any]:
    return {
        "refresh_token": "bench",
        "access_token": given["token"],
        "expires_at": 4_000_000_000_000,
        "site": "acme",
    }


async def threelo(given: dict[str, Any]) -> None:
    from threelo import AsyncClient

    path = given["path"]
    async with AsyncClient(**options(given)) as client:
        await client.import_connection("user-42", **connection(given))

        async def text() -> None:
            response = await client.proxy_request("user-42", "GET", path)
            assert response.status == 200
            response.content  # noqa: B018

        async def parsed() -> None:
            (await client.proxy_request("user-42", "GET", path)).json()

        async def stream() -> None:
            response = await client.proxy_request("user-42", "GET", path, stream=True)
            async for _ in response.iter_bytes():
                pass

        async def token() -> None:
            await client.access_token("user-42")

        await serve({"text": text, "json": parsed, "stream": stream, "token": token}[given["read"]])


def threelo_sync(given: dict[str, Any]) -> None:
    from threelo import Client

    path = given["path"]
    with Client(**options(given)) as client:
        client.import_connection("user-42", **connection(given))

        def text() -> None:
            client.proxy_request("user-42", "GET", path).content  # noqa: B018

        def parsed() -> None:
            client.proxy_request("user-42", "GET", path).json()

        def stream() -> None:
            for _ in client.proxy_request("user-42", "GET", path, stream=True).iter_bytes():
                pass

        def token() -> None:
            client.access_token("user-42")

        serve_threads({"text": text, "json": parsed, "stream": stream, "token": token}[given["read"]])


async def aiohttp(given: dict[str, Any]) -> None:
    import aiohttp
    import orjson

    trust = ssl.create_default_context(cafile=given["ca"]) if given["ca"] else True
    connector = aiohttp.TCPConnector(limit=0, ssl=trust)
    url, headers = given["url"], given["headers"]
    async with aiohttp.ClientSession(connector=connector) as session:

        async def text() -> None:
            async with session.get(url, headers=headers) as answer:
                await answer.read()

        async def parsed() -> None:
            async with session.get(url, headers=headers) as answer:
                orjson.loads(await answer.read())

        async def stream() -> None:
            async with session.get(url, headers=headers) as answer:
                async for _ in answer.content.iter_any():
                    pass

        await serve({"text": text, "json": parsed, "stream": stream}[given["read"]])


async def httpx(given: dict[str, Any]) -> None:
    import httpx

    trust = ssl.create_default_context(cafile=given["ca"]) if given["ca"] else True
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=None)
    http2 = given["protocol"] == "h2"
    url, headers = given["url"], given["headers"]
    async with httpx.AsyncClient(verify=trust, limits=limits, http2=http2, timeout=60) as client:

        async def text() -> None:
            (await client.get(url, headers=headers)).content  # noqa: B018

        async def parsed() -> None:
            (await client.get(url, headers=headers)).json()

        async def stream() -> None:
            async with client.stream("GET", url, headers=headers) as answer:
                async for _ in answer.aiter_raw():
                    pass

        await serve({"text": text, "json": parsed, "stream": stream}[given["read"]])


def requests(given: dict[str, Any]) -> None:
    import requests

    session = requests.Session()
    session.mount("http", requests.adapters.HTTPAdapter(pool_connections=256, pool_maxsize=256))
    session.verify = given["ca"] or True
    url, headers = given["url"], given["headers"]

    def text() -> None:
        session.get(url, headers=headers).content  # noqa: B018

    def parsed() -> None:
        session.get(url, headers=headers).json()

    def stream() -> None:
        with session.get(url, headers=headers, stream=True) as answer:
            for _ in answer.iter_content(65536):
                pass

    serve_threads({"text": text, "json": parsed, "stream": stream}[given["read"]])


async def wreq(given: dict[str, Any]) -> None:
    import wreq
    from wreq.tls import CertStore

    known = {"tls_verify": CertStore.from_pem_stack(read(given["ca"]))} if given["ca"] else {}
    client = wreq.Client(pool_max_idle_per_host=512, **known)
    url, headers = given["url"], given["headers"]

    async def text() -> None:
        await (await client.get(url, headers=headers)).bytes()

    async def parsed() -> None:
        await (await client.get(url, headers=headers)).json()

    async def stream() -> None:
        answer = await client.get(url, headers=headers)
        async with answer.stream() as chunks:
            async for _ in chunks:
                pass

    await serve({"text": text, "json": parsed, "stream": stream}[given["read"]])


async def pyreqwest(given: dict[str, Any]) -> None:
    from pyreqwest.client import ClientBuilder

    builder = ClientBuilder().pool_max_idle_per_host(512).http2(given["protocol"] == "h2")
    if given["ca"]:
        builder = builder.add_root_certificate_pem(read(given["ca"]))
    url, headers = given["url"], given["headers"]
    async with builder.build() as client:

        async def text() -> None:
            await (await client.get(url).headers(headers).build().send()).bytes()

        async def parsed() -> None:
            await (await client.get(url).headers(headers).build().send()).json()

        async def stream() -> None:
            async with client.get(url).headers(headers).build_streamed() as answer:
                while await answer.body_reader.read_chunk() is not None:
                    pass

        await serve({"text": text, "json": parsed, "stream": stream}[given["read"]])


AWAITED: dict[str, Callable[[dict[str, Any]], Any]] = {
    "threelo": threelo,
    "aiohttp": aiohttp,
    "httpx": httpx,
    "wreq": wreq,
    "pyreqwest": pyreqwest,
}
BLOCKING = {"threelo-sync": threelo_sync, "requests": requests}


def main() -> None:
    given = task()
    name, _, loop = given["client"].partition("+")
    if name in BLOCKING:
        BLOCKING[name](given)
    elif loop == "uvloop":
        import uvloop

        uvloop.run(AWAITED[name](given))
    else:
        asyncio.run(AWAITED[name](given))


main()
