"""Every error of the connector, in one tree and one table.

Three questions decide where an error stands: whose fault is it, what does the other side see, do we try again?

    ConnectorError
    ├─ PeerError              the counterparty broke a rule
    │  ├─ MalformedMessage        not a valid message of the protocol             400
    │  ├─ MoveNotAllowed          illegal in the current state                    400
    │  ├─ OfferNotValid           unknown, withdrawn, stale or altered offer      400
    │  ├─ NotAuthenticated        token absent, invalid or used before            401
    │  ├─ NotAuthorized           authenticated, but not for this                 403
    │  └─ UnknownProcess          does not exist, or is not yours                 404
    ├─ OperatorError          our own API was asked for the impossible
    │  ├─ InvalidInput            a value is wrong                                400
    │  ├─ NotFound                no such thing                                   404
    │  ├─ NoRoom                  the disk is full, or may not be written         507
    │  └─ MoveNotOpenToUs         illegal in the current state                    409
    ├─ TrustUnavailable       whether the sender may be trusted cannot be found out    503, the peer again
    ├─ Refused                policy says no: a result, not a failure             403
    ├─ DeliveryError          the peer could not be reached, or failed            502, again
    │  ├─ AddressRefused          the guard refused the address                   502, never again
    │  └─ PeerRefused             the peer answered 4xx                           502, never again
    ├─ DataChanged            the file is not the one that was published          409
    ├─ StorageError           the database is away, or refused                    503, again
    └─ ConfigurationError     start-up only: the process does not start           500

`code` is a stable word, the same in responses, logs and documentation. `hint` says what a person can do.
"""

from typing import ClassVar


class ConnectorError(Exception):
    """Something went wrong in the connector."""

    code: ClassVar[str] = "connector_error"
    status: ClassVar[int] = 500
    retry: ClassVar[bool] = False

    def __init__(self, message: str | None = None, *, hint: str | None = None) -> None:
        """`message` says what, where and what was expected; `hint` what to do about it."""
        self.message = message or (type(self).__doc__ or "").strip()
        self.hint = hint
        super().__init__(self.message)

    def as_json(self) -> dict[str, str]:
        """`{"code", "message", "hint"}`; `hint` only if there is one."""
        body = {"code": self.code, "message": self.message}
        return body | {"hint": self.hint} if self.hint else body


class PeerError(ConnectorError):
    """The counterparty broke a rule of the protocol."""

    code = "peer_error"
    status = 400


class MalformedMessage(PeerError):  # noqa: N818
    """Not a valid message of the protocol."""

    code = "malformed_message"


class MoveNotAllowed(PeerError):  # noqa: N818
    """The message is not allowed in the current state."""

    code = "move_not_allowed"


class OfferNotValid(PeerError):  # noqa: N818
    """The offer is unknown, withdrawn, stale or altered."""

    code = "offer_not_valid"


class NotAuthenticated(PeerError):  # noqa: N818
    """The token is absent, invalid, expired or was used before."""

    code = "not_authenticated"
    status = 401


class NotAuthorized(PeerError):  # noqa: N818
    """The sender is known but may not do this."""

    code = "not_authorized"
    status = 403


class UnknownProcess(PeerError):  # noqa: N818
    """There is no such process, agreement or dataset for this participant."""

    code = "unknown_process"
    status = 404


class OperatorError(ConnectorError):
    """Our own API was asked for something impossible."""

    code = "operator_error"
    status = 400


class InvalidInput(OperatorError):  # noqa: N818
    """A value is not what was expected."""

    code = "invalid_input"


class NotFound(OperatorError):  # noqa: N818
    """There is no such thing."""

    code = "not_found"
    status = 404


class NoRoom(OperatorError):  # noqa: N818
    """The destination is full, or may not be written."""

    code = "no_room"
    status = 507


class MoveNotOpenToUs(OperatorError):  # noqa: N818
    """The move is not open to us in the current state."""

    code = "move_not_open"
    status = 409


class TrustUnavailable(ConnectorError):  # noqa: N818
    """Whether the sender may be trusted cannot be found out now, so it is not."""

    code = "trust_unavailable"
    status = 503
    retry = True


class Refused(ConnectorError):  # noqa: N818
    """Policy says no."""

    code = "refused"
    status = 403


class DeliveryError(ConnectorError):
    """The peer could not be reached, or failed."""

    code = "delivery_failed"
    status = 502
    retry = True


class AddressRefused(DeliveryError):  # noqa: N818
    """The address is not public and not on the allow list."""

    code = "address_refused"
    retry = False


class PeerRefused(DeliveryError):  # noqa: N818
    """The peer refused the message."""

    code = "peer_refused"
    retry = False


class DataChanged(ConnectorError):  # noqa: N818
    """The file is not the one that was published."""

    code = "data_changed"
    status = 409


class StorageError(ConnectorError):
    """The database is away, or refused the write."""

    code = "storage_error"
    status = 503
    retry = True


class ConfigurationError(ConnectorError):
    """The settings do not make a working participant."""

    code = "configuration_error"
