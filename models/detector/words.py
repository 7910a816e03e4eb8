"""Strings to draw: identifiers, labels, measurements, prose and noise. All invented.

Names are built from syllables, so that no list of real people is needed and the network cannot
learn one. What a string says matters little to a detector; its rhythm of digits, capitals,
spaces and punctuation does.
"""

from __future__ import annotations

import string

import numpy as np

Rng = np.random.Generator
SYLLABLES = (
    "an ar bel ber bo ca chen da del do el en er fa fi ga gu ha han hu in is ja jo ka ke kim la "
    "le li lo ma mar mi mo na ne no o pa pe ra re ri ro sa san se shi so ta te ti to tr u va ve "
    "vi wa we xi ya yo za zh "
).split()
TITLES = ("", "", "", "Mr ", "Mrs ", "Dr. ", "DR ", "Prof. ")
PLACES = (
    "Hospital",
    "Klinik",
    "Medical Center",
    "Clinic",
    "Univ.",
    "Hosp.",
    "Radiology",
    "Imaging",
    "MVZ",
    "Praxis",
    "Health",
    "INSTITUTE",
)
LABELS = (
    "Name:",
    "ID:",
    "DOB:",
    "Pat. ID",
    "MRN",
    "Acc#",
    "Sex",
    "Age",
    "Exam",
    "Study",
    "Date",
    "Time",
    "Operator",
    "Ref.",
    "Physician",
    "Inst.",
    "Geb.",
    "Tel.",
    "Ward",
    "Nr.",
)
TERMS = (
    "MI 0.8,TIS 0.4,TIb 1.2,FR 32Hz,Freq,PRF,WF,Gain,DR 60,2D,CFM,PW,CW,M,THI,Gen,Pen,Res,C5-2,"
    "L12-5,S4-1,Abdomen,Vascular,Cardiac,OB/GYN,LIVER,LT KIDNEY SAG,RT,GB,CBD,AO,IVC,LV,RVOT,SAG,"
    "TRANS,LONG,PANC,SPLEEN,Thyroid,Map 3,Persist,Soft,High,Low,Med,Zoom,Freeze,PRINT,SET,AP,PA,"
    "LAT,kV 80,mAs 4,kVp,mA,SL 5.0,TR,TE,TI,FOV,NEX,MATRIX,T1,T2,FLAIR,DWI,ADC,AXIAL,COR,W 350,"
    "L 40,WL,WW,Im:,Se:,Zoom 100%,R,L,A,P,H,F,HF,RPS,LAO 30,CRA 20,HR,bpm,ECG,II,V1,aVR,Dist,Circ,"
    "Area,Vol,EF,LVEDD,IVSd,GA,BPD,HC,AC,FL,EDD,Vmax,Vmean,PG,MG,RI,PI,S/D,cm,mm,cm/s,mmHg,dB,Hz,"
    "MHz,fps,Page,of,File,Edit,View,Help,OK,Cancel,Save,Print,Close,Report,Findings,Impression,"
    "Comment,Result,Unit,Normal"
).split(",")
PUNCTUATION = ".,:;-/()#%&+*=_<>'\"!?@[]"
RANGES = {
    "cyrillic": (0x410, 0x44F),
    "greek": (0x391, 0x3C9),
    "kana": (0x30A1, 0x30F4),
    "han": (0x4E00, 0x7FA0),
    "hangul": (0xAC00, 0xAFFF),
}


def pick(rng: Rng, options):
    """Return one of `options`."""
    return options[int(rng.integers(len(options)))]


def number(rng: Rng) -> str:
    """Return a number as a device prints it."""
    value = 10 ** rng.uniform(-1, 4)
    return f"{value:.{int(rng.integers(0, 3))}f}"


def measurement(rng: Rng) -> str:
    """Return a label, a number and a unit."""
    unit = pick(
        rng, ("cm", "mm", "cm/s", "m/s", "ml", "Hz", "MHz", "bpm", "%", "mmHg", "dB", "g", "w", "d", "°", "")
    )
    label = pick(rng, ("", pick(rng, TERMS) + " ", "+ ", "x ", "1 ", "D1 ", "V "))
    return f"{label}{number(rng)}{pick(rng, (' ', ''))}{unit}"


def name(rng: Rng) -> str:
    """Return an invented family and given name in one of the usual forms."""
    family, given = (_word(rng) for _ in range(2))
    form = pick(rng, ("{t}{f}, {g}", "{f} {g}", "{g} {f}", "{f}^{g}", "{f},{g} {i}", "{g} {i}. {f}", "{f}"))
    text = form.format(t=pick(rng, TITLES), f=family, g=given, i=pick(rng, string.ascii_uppercase))
    return text.upper() if rng.random() < 0.45 else text.title()


def _word(rng: Rng) -> str:
    return "".join(pick(rng, SYLLABLES) for _ in range(int(rng.integers(1, 5))))


def identifier(rng: Rng) -> str:
    """Return a number as patients and studies have them."""
    digits = "".join(map(str, rng.integers(0, 10, int(rng.integers(4, 12)))))
    prefix = pick(rng, ("", "", "", "ID: ", "MRN ", "#", "P", "US-", "A", "Acc "))
    return prefix + (f"{digits[:3]}-{digits[3:]}" if rng.random() < 0.2 else digits)


def date(rng: Rng) -> str:
    """Return a date."""
    y, m, d = int(rng.integers(1930, 2027)), int(rng.integers(1, 13)), int(rng.integers(1, 29))
    month = pick(rng, ("Jan", "Feb", "MAR", "Apr", "May", "JUN", "Jul", "Aug", "Sep", "OCT", "Nov", "Dec"))
    forms = (
        f"{y}-{m:02}-{d:02}",
        f"{d:02}.{m:02}.{y}",
        f"{m:02}/{d:02}/{y}",
        f"{d:02}-{month}-{y % 100:02}",
        f"{y}{m:02}{d:02}",
        f"{month} {d}, {y}",
        f"{y}/{m:02}/{d:02}",
    )
    return pick(rng, forms)


def time(rng: Rng) -> str:
    """Return a time of day."""
    h, m, s = int(rng.integers(0, 24)), int(rng.integers(0, 60)), int(rng.integers(0, 60))
    return pick(
        rng,
        (
            f"{h:02}:{m:02}:{s:02}",
            f"{h}:{m:02}",
            f"{h % 12 + 1}:{m:02}:{s:02} {pick(rng, ('AM', 'PM', 'am'))}",
        ),
    )


def institution(rng: Rng) -> str:
    """Return an invented place."""
    return f"{_word(rng).title()} {pick(rng, PLACES)}"


def label(rng: Rng) -> str:
    """Return a label with what follows it."""
    return f"{pick(rng, LABELS)} {pick(rng, (name, identifier, date))(rng)}"


def technical(rng: Rng) -> str:
    """Return one to three technical terms."""
    return " ".join(pick(rng, TERMS) for _ in range(int(rng.integers(1, 4))))


def noise(rng: Rng) -> str:
    """Return random characters."""
    pool = pick(
        rng,
        (
            string.ascii_uppercase,
            string.ascii_lowercase,
            string.ascii_letters + string.digits,
            string.digits + ".:-/",
            string.ascii_letters + string.digits + PUNCTUATION,
        ),
    )
    return "".join(pick(rng, pool) for _ in range(int(rng.integers(1, 14))))


def prose(rng: Rng) -> str:
    """Return a run of words."""
    return " ".join(_word(rng) for _ in range(int(rng.integers(2, 9)))).capitalize() + pick(rng, ("", "."))


def accented(rng: Rng) -> str:
    """Return a name with Latin-1 letters."""
    text = name(rng)
    return "".join(pick(rng, "äöüéèêñçøåÄÖÜÉß") if rng.random() < 0.2 else c for c in text)


def foreign(rng: Rng, script: str) -> str:
    """Return characters of a script other than Latin."""
    low, high = RANGES[script]
    return "".join(chr(int(rng.integers(low, high))) for _ in range(int(rng.integers(2, 9))))


def brief(rng: Rng) -> str:
    """Return what stands alone beside scales and pictures: a number or one to three letters."""
    letters = "".join(pick(rng, string.ascii_uppercase) for _ in range(int(rng.integers(1, 4))))
    figures = str(int(10 ** rng.uniform(0, 3))) if rng.random() < 0.8 else f"-{int(rng.integers(1, 99))}"
    return letters if rng.random() < 0.45 else figures


KINDS = {
    "name": (name, accented),
    "id": (identifier, label),
    "date": (date,),
    "time": (time,),
    "institution": (institution,),
    "technical": (technical, measurement, measurement, number, noise, prose, brief),
}
IDENTIFYING = ("name", "id", "date", "time", "institution")


def any_text(rng: Rng) -> tuple[str, str]:
    """Return a kind and a string of it; half of them identify."""
    kind = pick(rng, IDENTIFYING) if rng.random() < 0.5 else "technical"
    return kind, pick(rng, KINDS[kind])(rng)
