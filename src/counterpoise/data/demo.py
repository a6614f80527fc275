"""A built-in corpus for first steps, tests and demonstrations: messages to the help desk of a bank and shop.

>>> texts, labels = make_corpus()
>>> len(texts), int((labels == "fraud").sum())
(6000, 150)

One message in forty tells of a fraud. No word gives it away: a risky event ("my card was used in Leeds") is
routine when the writer did it, and "it was not me" is routine about a parcel; fraud is the two together, in
many wordings of which each is rare. A few messages are worded alike in both classes, so that no classifier
can be perfect. Only integer draws are used: a seed gives the same texts on every platform.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from counterpoise.errors import SettingsError
from counterpoise.seeding import RandomState, generator, root_seed

MINORITY = "fraud"
"""The rare class; the other one is ``"routine"``."""

_MINORITY_SHARE = 40  # one message in so many
_DRAWS = 64  # integers set aside for each message, more than any needs


def make_corpus(
    n_samples: int = 6000, random_state: RandomState = 0
) -> tuple[NDArray[np.object_], NDArray[np.object_]]:
    """Write the corpus.

    Parameters
    ----------
    n_samples : int, default=6000
        Messages, 40 or more; one in forty is fraud.
    random_state : int, RandomState, Generator or None, default=0
        An int gives the same corpus every time, on every platform.

    Returns
    -------
    texts : ndarray of str (object), shape (n_samples,)
        English messages of 8 to 35 words, mostly 12 to 28, in random order.
    labels : ndarray of str (object), shape (n_samples,)
        ``"routine"`` or ``"fraud"``.

    Raises
    ------
    SettingsError
        If ``n_samples`` is below 40.
    """
    if n_samples < _MINORITY_SHARE:
        raise SettingsError(f"n_samples is {n_samples}; give {_MINORITY_SHARE} or more")
    rng = generator(root_seed(random_state), "demo corpus")
    n_fraud = n_samples // _MINORITY_SHARE
    draws = rng.integers(0, 2**31, size=(n_samples, _DRAWS)).tolist()
    texts = np.empty(n_samples, dtype=object)
    texts[:] = [_message(iter(row), fraud=i < n_fraud) for i, row in enumerate(draws)]
    labels = np.array([MINORITY] * n_fraud + ["routine"] * (n_samples - n_fraud), dtype=object)
    order = rng.permutation(n_samples)
    return texts[order], labels[order]


def _message(draws: Iterator[int], *, fraud: bool) -> str:
    """One message: what happened, in a frame of openings, remarks, requests and closings."""
    kinds = _FRAUD if fraud else _ROUTINE
    frame = _FRAMES[next(draws) % len(_FRAMES)]
    text = frame.replace("{matter}", kinds[next(draws) % len(kinds)])
    for plain, telling in (("{request}", "{urgent}"), ("{remark}", "{worry}")):
        if plain in text and next(draws) % 100 < _TELLING_PERCENT[fraud]:
            text = text.replace(plain, telling)
    while "{" in text:
        text = re.sub(r"\{(\w+)\}", lambda slot: _pick(slot[1], draws), text)
    sentences = [sentence.strip().replace(" ,", ",") for sentence in text.split(".")]
    return " ".join(f"{s[0].upper()}{s[1:]}." for s in sentences if s)


def _pick(slot: str, draws: Iterator[int]) -> str:
    phrases = _PHRASES[slot]
    return phrases[next(draws) % len(phrases)]


_FRAMES = (
    "{opening} {matter}. {closing}",
    "{opening} {matter}. {request}. {closing}",
    "{opening} {matter}. {remark}. {request}",
    "{remark}. {matter}. {request}",
    "{remark}. {matter}. {closing}",
    "{matter}. {remark}. {request}",
)
"""What surrounds the matter; some requests and remarks are commoner beside a fraud, and no proof of one."""

_TELLING_PERCENT = {False: 5, True: 55}

# How a message becomes fraud: a risky event and not the writer, or a stranger and a secret. Each half is also
# common in routine messages, beside something harmless; "unsure" is worded alike in both classes.
_FRAUD = (
    *["{risky} {link} {not_me}"] * 12,
    *["{caller} {demand}"] * 4,
    *["{caller} {deed}"] * 4,
    *["{message} {demand}"] * 3,
    "{unsure}",
)
_ROUTINE = (
    *["{intent}"] * 150,
    *["{risky} {link} {by_me}"] * 5,
    *["{harmless} {link} {not_me}"] * 5,
    *["{harmless} {link} {by_me}"] * 14,
    *["{relative} {deed}", "{relative} {demand}", "{device_of_ours} {demand}"] * 2,
    *["{caller} {errand}", "{caller} {news}", "{message} {news}"] * 2,
    *["{relative} {errand}", "{relative} {news}", "{device_of_ours} {news}"] * 4,
    "{unsure}",
)

_PHRASES: dict[str, tuple[str, ...]] = {
    name: tuple(" ".join(phrase.split()) for phrase in phrases.split("/"))
    for name, phrases in {
        "opening": """
            hello, / hi there, / good morning, / good evening, / hello team, / dear support, / hi,
            quick question, / sorry to bother you, / I am writing because / just to let you know,
            / as I said on the phone, / second message about this, / to whom it may concern,""",
        "closing": """
            thanks / thank you / many thanks for your help / please let me know / kind regards /
            best wishes / hope you can help / I look forward to your answer / have a nice day /
            thanks in advance""",
        "request": """
            could you look into this / please call me back on {day} / what should I do now / can
            you check my account / please confirm by email / can someone tell me what happens next
            / please make a note of it / is there anything you need from me / please reply to this
            message / can you tell me if that is normal / how long will this take / please put it
            right on {day}""",
        "urgent": """
            please block the card at once / please act quickly / please stop it right now / this
            is urgent / I need help immediately / please freeze everything today / I am very
            worried / please call me as soon as you can / can you get the money back / please
            check who did this / I want to report it / this must be a mistake / please close every
            door to my money / who can stop them / I do not feel safe / please warn the other branch /
            please send me a new card / can the payment be recalled / please lock the app /
            tell me how to prove it""",
        "remark": """
            I have been a customer for {number} years / I bought {item} {when} / my order number
            ends in {number} / I use the app on {device} / I tried the help page first / the chat
            was busy {when} / I live near {place} / I am away until {day} / my balance is about
            {amount} / I waited {number} minutes on the phone / I usually pay by {payment} / I
            have two accounts with you / you were very quick the last time / I only noticed it
            {when}""",
        "worry": """
            the caller knew my name / my phone lost its signal / I got a code that I had not asked
            for / the page looked just like yours / they would not give a name / I clicked on the
            link / the police gave me a case number / the number is not in service any more / the
            voice sounded rushed / they called again and again / I was told to hurry / the email
            had many spelling mistakes / I was afraid and did it / the chat was deleted afterwards
            / they knew my address / I have changed all my passwords / now the app says wrong
            password / the money should never have gone there / the bank in {place} sent a warning
            / my contacts got strange messages / the website has vanished / {number} people in my
            street had the same / it sounded too good / I feel foolish about it / the name on the
            account was foreign to me / I had to keep the line open / I hung up after {number}
            minutes / my antivirus found something on {device} / I got {number} alerts in a row /
            I lost my purse {when}""",
        "link": """
            and / and / but / although / , and as far as I know / , to be clear, / and I am sure""",
        "risky": """
            my card was used in {place} / my card was used for {item} / {amount} left my account
            {when} / {amount} was paid to {merchant} / a transfer of {amount} went out {when} /
            there is a payment to {merchant} on my statement / the statement shows {item} for
            {amount} / my password was changed {when} / the phone number on my account was changed
            / the delivery address on my account is now in {place} / a new device was added in the
            app / {device} was added to my account / the email on my account is different / a loan
            of {amount} was opened {when} / a second card was ordered {when} / my savings were
            moved to {place} / there was a login from {place} / the daily limit on my card was
            raised / gift cards for {amount} were bought {when} / cash of {amount} was taken out
            in {place} / a direct debit for {merchant} was set up / my points were spent on {item}
            / the account was closed {when} / three small payments went through {when}""",
        "harmless": """
            {item} arrived in {place} / the parcel was signed for {when} / the parcel was left at
            number {number} / {item} came in the wrong size / {item} was sent back {when} / {item}
            was put in the basket {when} / my appointment in {place} was cancelled / the invoice
            has the name of {merchant} on it / the invoice for {item} was printed {number} times /
            a review of {item} was posted {when} / the newsletter came {when} / the delivery was
            moved to {day} / the courier rang the bell {when} / {number} parcels came instead of
            one / a catalogue was sent to {place} / the gift wrapping was added to the order / the
            order of {item} was split in {number} / the box was opened {when} / the voucher was
            used up {when} / the language in the app was changed / the photo in my profile is
            different / a letter about {item} came {when} / the subscription was paused {when} /
            the survey was answered {when}""",
        "not_me": """
            it was not me / I did not do that / nobody here did it / I never asked for that / I
            was asleep at the time / I was at home all day / I was at work then / no one in my
            family knows about it / I have not touched anything / I did not agree to it / I know
            nothing about it / nobody asked me / I had no hand in it / my husband did not do it
            either / I was in hospital that week / I never do such things / this is a mystery to
            me / I was on a plane / I did not press anything / I have never been there / I only
            heard of it from you / I cannot explain it / this happened without me / I was not even
            in the country / it must have been somebody else / I would remember that / neither I
            nor my wife wanted it / my phone was switched off / it came out of nowhere / we were
            all on holiday""",
        "by_me": """
            I did that myself / it was me / I asked for that {when} / my wife did it for me / I
            agreed to it / that is what I wanted / my son helped me with it / I did it on {device}
            / I had planned it since {day} / I was there in person / I know about it / I simply
            forgot about it / my husband knows about it too / I pressed the button twice / that
            was for my daughter / we talked about it {when} / I only want it in writing / it was
            for our holiday / I remember doing it / I chose that at home / I do that every month /
            it was a gift for my mother / I did it while I was on a plane / I was at work when I
            did it / that is fine with me / it went just as I asked / nobody else was involved /
            you did it when I called / it is my usual order / I would do it again""",
        "caller": """
            someone on the phone / a caller / a man at the door / a woman I met online / somebody
            I do not know / a person in a chat group / a seller from an advert / a young man in
            {place} / a voice on the line / a buyer from {place} / a friendly stranger / somebody
            who said he was from the bank / a lady from the support line / a helper in the street
            / someone with my name / a person I had never seen""",
        "message": """
            a text from a strange number / an email from {merchant} / a pop up on {device} / a
            link in a message / an unknown number / a page I had never seen / a voice mail / a
            letter without a name""",
        "relative": """
            my husband / my wife / my son / my daughter / my accountant / my mother / the clerk in
            {place} / my employer / my flatmate / your colleague / my bank adviser / my neighbour
            / the lady in your branch / your branch in {place}""",
        "device_of_ours": """
            your app / your website / the machine in {place} / your chat assistant / the form on
            the website / your letter / the new login page / the help page""",
        "demand": """
            asked me for my card number / asked for the code from the text message / wanted my
            password / wanted a photo of my passport / told me to move {amount} to another account
            / told me to transfer {amount} {when} / made me log in again / said my account would
            be locked / asked me to pay a small fee for {item} / asked me to confirm a payment /
            needed {amount} for {item} right away / wanted my bank details / promised to double
            {amount} / told me not to tell anyone about the refund""",
        "deed": """
            has the number of my account / has my pin / knows my password / made me read out the
            code / got me to install something on {device} / took a picture of my card / took
            {amount} in gift cards / got the last digits of my card / used my login for {number}
            minutes / helped me to confirm a payment / asked me to keep the payment quiet / paid
            with my card in {place}""",
        "news": """
            asked me for my opinion / asked for the size of {item} / wanted a review of {item} /
            told me to call you / told me to try {merchant} / told me to bring {item} {when} /
            made me wait {number} minutes / said the queue would be long / asked me to recommend
            {item} / asked me to choose a colour for {item} / said {item} would be here {when} /
            wanted to know the opening hours / promised a discount on {item} / told me not to
            worry about the parcel""",
        "errand": """
            has the same order number / has my umbrella / knows your shop in {place} / made me
            laugh / wanted to buy {item} / took a picture of {item} / took {item} to the post
            office / got the parcel by mistake / used the lift for {number} minutes / helped me to
            carry {item} / got my seat in the branch / paid for the coffee in {place}""",
        "unsure": """
            I do not recognise a payment of {amount} to {merchant} / I cannot remember a payment
            of {amount} in {place} / there is a charge of {amount} that I do not understand / why
            is there {item} for {amount} on my card / I think my card is lost since {day} / what
            is the transfer of {amount} {when} about""",
        "intent": """
            where is {item} that I ordered {when} / {item} has not arrived yet / I would like to
            return {item} / when do I get the refund of {amount} for {item} / the refund of
            {amount} is still missing / I cannot log in on {device} / I forgot my password and the
            link does not work / how do I change my phone number / how do I set a new pin for my
            card / my new card has not come yet / my card does not work in {place} / can I use my
            card in {place} / please send me the invoice for {item} / the invoice shows {amount}
            instead of the price I saw / what does a transfer to {place} cost / how long does a
            transfer of {amount} take / I was charged twice for {item} / please cancel my order of
            {item} / the app on {device} is very slow / {item} is broken after {number} days / the
            staff in {place} were lovely / great service with {item} / I am not happy with {item}
            / I waited {number} minutes in your branch in {place} / what are the opening hours in
            {place} / is {item} in stock again / I want to open a savings account / can I raise
            the limit on my card / please delete my old address in {place} / does the loan of
            {amount} have a fee / I want to pay by {payment} instead / the code for my voucher of
            {amount} is not accepted / my points for {item} are missing / which documents do you
            need for an account / {merchant} says you have the parcel / can my order be delivered
            on {day}""",
        "item": """
            the kettle / a lamp / the blue jacket / the headphones / a pair of shoes / the garden
            chair / the coffee machine / a phone case / the bookshelf / a winter coat / the
            printer / the toaster / a train ticket / the football boots / the camera / a birthday
            present / the mattress / the bicycle pump / a set of plates / the tablet / a concert
            ticket / the suitcase / the desk / a watch / the curtains""",
        "place": """
            Leeds / Bristol / York / Glasgow / Cardiff / Dublin / Paris / Madrid / Lisbon / Berlin
            / Warsaw / Toronto / Boston / Lagos / Oslo / Rome / Vienna / Exeter / Derby / Athens""",
        "merchant": """
            a travel agency / the supermarket / a taxi company / an online casino / the
            electricity company / a game store / the gym / a hotel in {place} / a music service /
            the council / a phone company / an airline / the garage / a crypto exchange / the
            pharmacy / a furniture shop""",
        "device": """
            my phone / my tablet / my laptop / the old computer / my new phone / a borrowed laptop
            / the family computer / my work phone""",
        "payment": """
            card / invoice / transfer / direct debit / gift card / cheque""",
        "when": """
            yesterday / this morning / last night / on {day} / last week / two days ago / today /
            over the weekend / at noon / earlier this month / in the evening / around {day}""",
        "day": """
            Monday / Tuesday / Wednesday / Thursday / Friday / Saturday / Sunday""",
        "amount": """
            20 pounds / 35 pounds / 49 pounds / 60 pounds / 85 pounds / 120 pounds / 150 pounds /
            240 pounds / 310 pounds / 480 pounds / 750 pounds / 900 pounds""",
        "number": """
            two / three / four / five / six / seven / eight / ten / twelve / fifteen / twenty /
            forty""",
    }.items()
}
