"""On PYTHONPATH of the commands under test: every attempt to leave the machine fails."""

import functools
import ipaddress
import socket


def _on_this_machine(host):
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False  # a name, which somebody would have to be asked about


def _refuse_abroad(function, host_of):
    @functools.wraps(function)
    def wrapped(*arguments, **named):
        if not _on_this_machine(host_of(*arguments, **named)):
            raise OSError("the network is cut in tests")
        return function(*arguments, **named)

    return wrapped


for _name in ("connect", "connect_ex"):
    _connect = getattr(socket.socket, _name)
    setattr(socket.socket, _name, _refuse_abroad(_connect, lambda self, address: address[0]))
socket.getaddrinfo = _refuse_abroad(socket.getaddrinfo, lambda host, *rest, **named: host)
