"""On PYTHONPATH of the commands under test: every attempt to leave the machine fails."""

import socket


def _refuse(*arguments, **named):
    raise OSError("the network is cut in tests")


socket.socket.connect = _refuse
socket.socket.connect_ex = _refuse
socket.getaddrinfo = _refuse
