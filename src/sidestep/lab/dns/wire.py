"""Questions and answers as bytes."""

import random
from collections.abc import Sequence

import dns.exception
import dns.flags
import dns.message
import dns.opcode
import dns.rcode
import dns.rdatatype
import dns.rrset
from msgspec import Struct

from sidestep.lab.dns.answers import TTL, Answer, Record

_PLAIN_UDP = 512
_LARGEST = 65535


class Question(Struct, frozen=True):
    """What is asked: a host without its last dot, and a kind of record."""

    host: str
    kind: str


def read(data: bytes) -> dns.message.Message | None:
    """A query; None for what is none, which gets no answer."""
    try:
        message = dns.message.from_wire(data)
    except (dns.exception.DNSException, ValueError):
        return None
    return None if message.flags & dns.flags.QR else message


def question_of(message: dns.message.Message) -> Question | None:
    """Its single question; None where there is none, or it asks something else than a query."""
    if len(message.question) != 1 or message.opcode() != dns.opcode.QUERY:
        return None
    asked = message.question[0]
    return Question(asked.name.to_text(omit_final_dot=True), dns.rdatatype.to_text(asked.rdtype))


def reply_to(message: dns.message.Message, answer: Answer | None) -> dns.message.Message:
    """The answer as a message; None for a kind of question that is not answered at all."""
    reply = dns.message.make_response(message, recursion_available=True)
    if answer is None:
        reply.set_rcode(dns.rcode.NOTIMP)
        return reply
    reply.set_rcode(dns.rcode.from_text(answer.code))
    if answer.authoritative:
        reply.flags |= dns.flags.AA
    reply.answer = _sets(answer.records)
    reply.additional = _sets(answer.additional)
    if answer.zone and not answer.records:
        soa = f"ns.dns.{answer.zone}. hostmaster.{answer.zone}. 1 7200 1800 86400 5"
        reply.authority = [dns.rrset.from_text(answer.zone + ".", TTL, "IN", "SOA", soa)]
    return reply


def packed(reply: dns.message.Message, query: dns.message.Message, *, tcp: bool) -> bytes:
    """The bytes; over UDP no more than the client takes, else cut and marked so that it asks again over TCP."""
    limit = _LARGEST if tcp else max(query.payload, _PLAIN_UDP) if query.edns >= 0 else _PLAIN_UDP
    try:
        return reply.to_wire(max_size=limit)
    except dns.exception.TooBig:
        cut = dns.message.make_response(query, recursion_available=True)
        cut.flags |= dns.flags.TC
        return cut.to_wire(max_size=limit)


def addresses_in(message: dns.message.Message) -> list[str]:
    """All addresses of an answer, in its order."""
    wanted = (dns.rdatatype.A, dns.rdatatype.AAAA)
    return [item.address for found in message.answer if found.rdtype in wanted for item in found]


def _sets(records: Sequence[Record]) -> list[dns.rrset.RRset]:
    """Sets of records, each in an order of chance: clients take the first."""
    grouped: dict[tuple[str, str], list[str]] = {}
    for each in records:
        grouped.setdefault((each.name, each.kind), []).append(each.data)
    for data in grouped.values():
        random.shuffle(data)
    return [dns.rrset.from_text(name + ".", TTL, "IN", kind, *data) for (name, kind), data in grouped.items()]
