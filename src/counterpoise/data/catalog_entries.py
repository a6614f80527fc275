"""What is known about each named data set: where it is from, how large it is, its licence, its content hash.

Only facts stand here; :mod:`counterpoise.data.catalog` finds and checks the files. A licence is given only
where the source states one, a Hub id only where it is known to hold the same rows.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

NOT_STATED = "not stated by the source"


@dataclass(frozen=True)
class HubCopy:
    """The same rows on the Hugging Face Hub.

    Attributes
    ----------
    id : str
        Repository of the data set.
    splits : mapping of str to str
        Our split to the Hub's.
    text_column : str
        Where the texts stand; the labels stand in ``label``, a ClassLabel with our class names.
    drops_html_breaks : bool
        Whether ``<br />`` has to become a space for the rows to be ours.
    """

    id: str
    splits: Mapping[str, str]
    text_column: str = "text"
    drops_html_breaks: bool = False


@dataclass(frozen=True)
class Entry:
    """One named data set.

    Attributes
    ----------
    name : str
        What commands take.
    title : str
        Its full name.
    language : str
        ``"en"`` or ``"zh"``; ``""`` where there are no words.
    rows : mapping of str to int
        Number of rows of each split, the training split first where there is one.
    classes : tuple of str
        Class names, sorted.
    licence : str
        As the source states it.
    source : str
        The collection and the copy taken.
    citation : str
        One line.
    filters : str
        What was done to the source's rows; ``"none"`` otherwise.
    folder : str
        Folder under the data directory that holds ``<split>.parquet``.
    content_hashes : mapping of str to str
        :func:`counterpoise.data.catalog.content_hash` of each split; none for the built-in corpus,
        which is made and not read.
    hub : HubCopy or None
        None where no copy on the Hub is known to be the same.
    aliases : mapping of str to str
        Other names that are taken for it, each with the sentence that says so.
    """

    name: str
    title: str
    language: str
    rows: Mapping[str, int]
    classes: tuple[str, ...]
    licence: str
    source: str
    citation: str
    filters: str
    folder: str
    content_hashes: Mapping[str, str]
    hub: HubCopy | None = None
    aliases: Mapping[str, str] = field(default_factory=dict)

    @property
    def splits(self) -> tuple[str, ...]:
        """Names of the splits there are."""
        return tuple(self.rows)


_YAO = "Yao, Mao and Luo, 2019, Graph Convolutional Networks for Text Classification, AAAI"
_OHSUMED_CLASSES = tuple(f"C{number:02}" for number in range(1, 24))
_OHSUMED = (
    "Hersh, Buckley, Leone and Hickam, 1994, OHSUMED: An Interactive Retrieval Evaluation and New Large Test "
    "Collection for Research, SIGIR"
)

ENTRIES = (
    Entry(
        name="20_newsgroups",
        title="20 Newsgroups, by date",
        language="en",
        rows={"train": 11314, "test": 7532},
        classes=(
            *("alt.atheism", "comp.graphics", "comp.os.ms-windows.misc", "comp.sys.ibm.pc.hardware"),
            *("comp.sys.mac.hardware", "comp.windows.x", "misc.forsale", "rec.autos", "rec.motorcycles"),
            *(
                "rec.sport.baseball",
                "rec.sport.hockey",
                "sci.crypt",
                "sci.electronics",
                "sci.med",
                "sci.space",
            ),
            *("soc.religion.christian", "talk.politics.guns", "talk.politics.mideast", "talk.politics.misc"),
            "talk.religion.misc",
        ),
        licence=NOT_STATED,
        source="20 Newsgroups, by-date split, via github.com/yao8839836/text_gcn",
        citation="Lang, 1995, NewsWeeder: Learning to Filter Netnews, ICML",
        filters="none; headers kept",
        folder="20_newsgroups",
        content_hashes={
            "train": "f6f09fdb72f28a30f099fa052e69beaf756976f722adf5c3a75e53b4ea6931a9",
            "test": "534600587f884201b3a0b962cb0df891e0e0ed7dea49f19cd5b1ea915fb01aba",
        },
    ),
    Entry(
        name="ag_news_7600",
        title="AG News, the 7,600 rows of the official test split as one set",
        language="en",
        rows={"train": 7600},
        classes=("Business", "Sci/Tech", "Sports", "World"),
        licence=NOT_STATED,
        source="AG's news topic set, official test split only, via github.com/mhjabreel/CharCnn_Keras",
        citation=(
            "Zhang, Zhao and LeCun, 2015, Character-level Convolutional Networks for Text Classification, "
            "NeurIPS"
        ),
        filters="7,600 of 127,600 rows",
        folder="ag_news",
        content_hashes={"train": "bef4897c99f2e5d2cf3134d0eebe99774fdce33f78d0a71618430fdf14701c2a"},
        hub=HubCopy("fancyzhx/ag_news", {"train": "test"}),
        aliases={"ag_news": "ag_news stands for ag_news_7600 here: 7,600 of the 127,600 rows of AG News"},
    ),
    Entry(
        name="demo",
        title="The built-in corpus: messages to a help desk, one in forty about a fraud",
        language="en",
        rows={"train": 6000},
        classes=("fraud", "routine"),
        licence="MIT, part of this package",
        source="made by counterpoise.data.demo, needs no download",
        citation="none",
        filters="none",
        folder="",
        content_hashes={},
    ),
    Entry(
        name="imdb",
        title="Large Movie Review Dataset",
        language="en",
        rows={"train": 25000, "test": 25000},
        classes=("neg", "pos"),
        licence=NOT_STATED,
        source=(
            "Large Movie Review Dataset, via "
            "github.com/PVidyadhar/Detection-of-Fraud-apps-using-Sentiment-Analysis"
        ),
        citation=(
            "Maas, Daly, Pham, Huang, Ng and Potts, 2011, Learning Word Vectors for Sentiment Analysis, ACL"
        ),
        filters="HTML line breaks removed",
        folder="imdb",
        content_hashes={
            "train": "e9b1307867b6512e42aad18b9c7ad00f850b01b88ad9b1cef54c6cd471fa7a6c",
            "test": "eff9e221af8e480d3fed3de2a77f1a8bc011fcef5f605a2beacd0ba7f94150f9",
        },
        hub=HubCopy("stanfordnlp/imdb", {"train": "train", "test": "test"}, drops_html_breaks=True),
    ),
    Entry(
        name="ohsumed",
        title="Ohsumed abstracts, single label",
        language="en",
        rows={"train": 3357, "test": 4043},
        classes=_OHSUMED_CLASSES,
        licence=NOT_STATED,
        source="Ohsumed, 23 disease classes, via github.com/yao8839836/text_gcn",
        citation=f"{_OHSUMED}; split of {_YAO}",
        filters="documents of one label only",
        folder="ohsumed",
        content_hashes={
            "train": "dbfc01cc50766bda3f0cd87c31883fd9a99ced9e5fee73776ed2819e47c31d96",
            "test": "df829212379649d0233f86c9fd77a7e479afee010a321ed1e75e431b41ac5fae",
        },
    ),
    Entry(
        name="ohsumed_titles",
        title="Ohsumed titles, single label",
        language="en",
        rows={"train": 3358, "test": 4043},
        classes=_OHSUMED_CLASSES,
        licence=NOT_STATED,
        source="SharpReCL's own copy of Ohsumed, via github.com/KEAML-JLU/SharpReCL",
        citation=_OHSUMED,
        filters="titles only",
        folder="ohsumed_titles",
        content_hashes={
            "train": "31c6a7fdc67e46955da7b974fc484967e138bfcebb96a6a03af834d818fbef5b",
            "test": "7d2bc2c951d2b636e79ce43aa2e927707c8fddf6e53339959ce5a0ebeb37f5ff",
        },
    ),
    Entry(
        name="r8",
        title="Reuters-21578, the R8 subset",
        language="en",
        rows={"train": 5485, "test": 2189},
        classes=("acq", "crude", "earn", "grain", "interest", "money-fx", "ship", "trade"),
        licence=NOT_STATED,
        source="Reuters R8, via github.com/yao8839836/text_gcn",
        citation=f"Lewis, 1997, Reuters-21578 Text Categorization Test Collection; split of {_YAO}",
        filters="lower case, as in the source",
        folder="r8",
        content_hashes={
            "train": "f7bb140e264a1d8f8c0e4be295f6b1fccb22a6c120030da7efbff91d7184fcf4",
            "test": "a72bdaa2d7d015eefd2eaadd1599b6d2f4d954aeafa4fbb0b47de90940890bbb",
        },
    ),
    Entry(
        name="sms_spam",
        title="SMS Spam Collection",
        language="en",
        rows={"train": 5574},
        classes=("ham", "spam"),
        licence="CC BY 4.0",
        source="UCI SMS Spam Collection, via hamzaaacodes/sms-spam-collection",
        citation=(
            "Almeida, Gómez Hidalgo and Yamakami, 2011, Contributions to the Study of SMS Spam Filtering: "
            "New Collection and Results, DocEng"
        ),
        filters="none",
        folder="sms_spam",
        content_hashes={"train": "0abdde3dd409356e90fa6ac25a42b4c9ae9a99b16b92f9341ae3eb73360bad9f"},
        hub=HubCopy("ucirvine/sms_spam", {"train": "train"}, text_column="sms"),
    ),
    Entry(
        name="thucnews_titles",
        title="THUCNews titles, 10 classes",
        language="zh",
        rows={"train": 10000, "test": 10000},
        classes=(
            *("education", "entertainment", "finance", "game", "politics", "realty", "science", "society"),
            *("sports", "stocks"),
        ),
        licence=NOT_STATED,
        source="THUCNews, via github.com/649453932/Chinese-Text-Classification-Pytorch",
        citation="Sun, Li, Guo, Zhao, Zheng, Si and Liu, 2016, THUCTC: An Efficient Chinese Text Classifier",
        filters="titles only; the source's dev split is the train split here",
        folder="thucnews_titles",
        content_hashes={
            "train": "8530be4fa690dcf8dee9359e5a12d9864f3983966329c4ae6432f71264ddc55a",
            "test": "1035c7f59a837373fa825cf17ffda4a8775be5ad6aa7fed744f392881fae55aa",
        },
    ),
    Entry(
        name="toutiao",
        title="Toutiao short titles, 15 topics (TNEWS of FewCLUE)",
        language="zh",
        rows={"train": 4293},
        classes=(
            *(
                "news_agriculture",
                "news_car",
                "news_culture",
                "news_edu",
                "news_entertainment",
                "news_finance",
            ),
            *(
                "news_game",
                "news_house",
                "news_military",
                "news_sports",
                "news_stock",
                "news_story",
                "news_tech",
            ),
            *("news_travel", "news_world"),
        ),
        licence=NOT_STATED,
        source="TNEWS part of FewCLUE, via github.com/CLUEbenchmark/FewCLUE",
        citation="Xu et al., 2021, FewCLUE: A Chinese Few-shot Learning Evaluation Benchmark",
        filters="labelled few-shot, dev and public test rows together",
        folder="toutiao",
        content_hashes={"train": "ca0855c0c179cefec4362f003492cfdddf6f79332e833e138cef6e3310e5d0f7"},
    ),
    Entry(
        name="trec",
        title="TREC question classification, six coarse classes",
        language="en",
        rows={"train": 5452, "test": 500},
        classes=("abbreviation", "description", "entity", "human", "location", "numeric"),
        licence=NOT_STATED,
        source="SharpReCL's own copy of TREC, via github.com/KEAML-JLU/SharpReCL",
        citation="Li and Roth, 2002, Learning Question Classifiers, COLING",
        filters="lower case, as in the source",
        folder="trec",
        content_hashes={
            "train": "309fe10c6ec4e4d3c53e15a26a15ac65495d113743779b2473bc2b83a55c6ac4",
            "test": "b075fdefafac973f9c81e0629aa7cbeb7d9b64198776fae3cd6ea8b65cba631d",
        },
    ),
)
