"""What an operator can set: one frozen object, built once at start and passed down.

Each field is an environment variable with the prefix `TIDEGATE_`; a field of a group is reached with two underscores
(`TIDEGATE_HTTP__ALLOW='["localhost:9102"]'`). An unknown variable with the prefix stops the start: a misspelt limit
must not silently be the default.
"""

import os
from pathlib import Path
from typing import Literal
from urllib.parse import quote, urlsplit

from platformdirs import user_data_path
from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict, SettingsError

from connector.errors import ConfigurationError

Role = Literal["provider", "consumer", "authority"]

PREFIX = "TIDEGATE_"
LOOPBACK_HOSTS = frozenset({"localhost", "127.0.0.1", "::1", "[::1]"})


class _Group(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class HttpSettings(_Group):
    """The guarded way out."""

    allow: tuple[str, ...] = Field(default=(), description="host:port pairs that may be private or loopback addresses")
    connect_timeout_seconds: float = Field(default=3.0, gt=0, le=60, description="until a connection is there")
    request_timeout_seconds: float = Field(default=10.0, gt=0, le=300, description="whole request, body included")
    stream_idle_timeout_seconds: float = Field(default=30.0, gt=0, le=600, description="between two reads of a stream")
    max_response_bytes: int = Field(default=4 * 1024**2, gt=0, description="of anything that is not a data stream")


class IdentitySettings(_Group):
    """Tokens and members."""

    token_lifetime_seconds: int = Field(default=60, ge=10, le=600, description="of the token of one message")
    clock_skew_seconds: int = Field(default=30, ge=0, le=60, description="how far a peer's clock may be from ours")
    did_cache_seconds: int = Field(
        default=300, ge=1, le=86400, description="how long a peer's DID document and address are kept"
    )
    members_max_age_seconds: int = Field(
        default=5,
        ge=1,
        le=3600,
        description="a removed member is refused after this time at the latest, while the authority answers",
    )
    members_lifetime_seconds: int = Field(
        default=300,
        ge=10,
        le=86400,
        description="authority: how long a list stays valid when the authority cannot be reached",
    )


class ExchangeSettings(_Group):
    """Messages to peers, and how long we wait for theirs."""

    first_attempt_seconds: float = Field(
        default=15.0, gt=0, le=120, description="after this the job in the database takes over"
    )
    retry_max_wait_seconds: float = Field(default=60.0, gt=0, le=3600, description="longest wait between attempts")
    delivery_deadline_seconds: int = Field(default=3600, ge=1, description="then the process is terminated")
    negotiation_deadline_seconds: int = Field(
        default=7 * 86400, ge=1, description="a negotiation that has not ended by then is terminated"
    )
    lease_seconds: float = Field(default=30.0, ge=1, description="a worker silent for this long loses its jobs")
    max_message_bytes: int = Field(default=1024**2, gt=0, description="of a message that a peer sends us")
    catalog_page_size: int = Field(default=100, ge=1, le=1000, description="datasets on one page of our catalogue")


class DataPlaneSettings(_Group):
    """Serving and fetching data."""

    token_lifetime_seconds: int = Field(
        default=3600, ge=1, le=7 * 86400, description="of the token that a transfer gives its consumer"
    )
    chunk_bytes: int = Field(
        default=1024**2,
        ge=4096,
        le=64 * 1024**2,
        description="read and sent at once; two are in memory for each stream",
    )
    max_ranges: int = Field(default=16, ge=1, le=64, description="of one request; more are refused (RFC 9110, 14.2)")
    manifest_max_bytes: int = Field(
        default=64 * 1024**2, gt=0, description="consumer: the largest list of files of a folder that is read"
    )
    download_deadline_seconds: int = Field(default=86400, ge=1, description="consumer: of one attempt at a download")


class PostgresSettings(_Group):
    """The embedded PostgreSQL; without effect when database_url is given."""

    root_user: str = Field(
        default="nobody", description="when started as root: the unprivileged user PostgreSQL runs as"
    )
    root_dir: Path = Field(
        default=Path("/var/lib/tidegate"), description="when started as root: folder of binaries, data and sockets"
    )
    start_timeout_seconds: float = Field(default=60.0, gt=0, description="then the start is given up")


class Settings(BaseSettings):
    """One participant."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_nested_delimiter="__", extra="forbid", frozen=True, hide_input_in_errors=True
    )

    roles: frozenset[Role] = Field(default=frozenset({"provider", "consumer"}), description="switched-on roles")
    title: str = Field(
        default="Tidegate participant",
        max_length=200,
        description="what people are shown as the name of the participant",
    )
    home: Path = Field(
        default_factory=lambda: user_data_path("tidegate"),
        description="keys, operator token, downloads, embedded database",
    )
    public_url: str = Field(
        default="http://localhost:8180",
        description="where peers reach the protocol surface: https, or http on loopback; gives DID and callbacks",
    )
    authority_did: str | None = Field(
        default=None, description="did:web of the governance authority; may be absent only in the role authority"
    )
    protocol_host: str = Field(default="127.0.0.1", description="where the protocol surface listens")
    protocol_port: int = Field(default=8180, ge=1, le=65535, description="where the protocol surface listens")
    management_host: str = Field(default="127.0.0.1", description="where our own API listens; never a public address")
    management_port: int = Field(default=8181, ge=1, le=65535, description="where our own API listens")
    database_url: SecretStr | None = Field(default=None, description="PostgreSQL 15 or later; absent: the embedded one")
    database_pool_size: int = Field(default=12, ge=2, le=200, description="connections to the database at most")
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="the least that is logged"
    )

    http: HttpSettings = HttpSettings()
    identity: IdentitySettings = IdentitySettings()
    exchange: ExchangeSettings = ExchangeSettings()
    dataplane: DataPlaneSettings = DataPlaneSettings()
    postgres: PostgresSettings = PostgresSettings()

    @field_validator("public_url")
    @classmethod
    def _public_url(cls, value: str) -> str:
        parts = urlsplit(value.rstrip("/"))
        if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query or parts.fragment or parts.path:
            raise ValueError("expected http(s)://host[:port] without path, for example https://connector.example.org")
        if parts.scheme == "http" and parts.hostname not in LOOPBACK_HOSTS:
            raise ValueError("plain http is for loopback only; use https")
        return value.rstrip("/")

    @model_validator(mode="after")
    def _authority(self) -> "Settings":
        if self.authority_did is None and "authority" not in self.roles:
            raise ValueError("authority_did is missing: the did:web of the governance authority")
        if "authority" in self.roles and self.authority_did not in {None, self.did}:
            raise ValueError("authority_did names another participant, but the role authority is switched on here")
        return self

    @property
    def did(self) -> str:
        """The participant's `did:web`, from the public address (did:web method, 2.5: the port is percent-encoded)."""
        return "did:web:" + quote(urlsplit(self.public_url).netloc, safe="")

    @property
    def trusted_authority_did(self) -> str:
        """The authority's DID: our own when we are the authority."""
        return self.authority_did or self.did

    @property
    def protocol_url(self) -> str:
        """Base address of DSP 2025-1, used as callbackAddress."""
        return self.public_url + "/dsp/2025-1"

    @property
    def management_url(self) -> str:
        """Address of our own API."""
        return f"http://{self.management_host}:{self.management_port}"

    @property
    def downloads_dir(self) -> Path:
        """Where received data is put."""
        return self.home / "downloads"


def load_settings(**overrides: object) -> Settings:
    """Settings from the environment and `overrides`; raises ConfigurationError naming the field."""
    known = {name.upper() for name in Settings.model_fields}
    for name in os.environ:
        if name.startswith(PREFIX) and name[len(PREFIX) :].split("__")[0] not in known:
            raise ConfigurationError(f"unknown setting {name}", hint="docs/reference/settings.md lists the settings")
    try:
        return Settings(**overrides)  # pyright: ignore[reportArgumentType] -- validated by pydantic itself
    except ValidationError as error:
        raise ConfigurationError(_first_problem(error)) from None
    except SettingsError as error:
        raise ConfigurationError(str(error), hint="lists and groups are JSON") from None


def _first_problem(error: ValidationError) -> str:
    first = error.errors()[0]
    where = PREFIX + "__".join(str(part).upper() for part in first["loc"]) if first["loc"] else "settings"
    return f"{where}: {first['msg']}"
