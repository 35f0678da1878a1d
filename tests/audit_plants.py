"""Code as users write it, with a leak in it: classes that another process can import."""

from attngru_bt.trading.monthly import MonthlyTopK


class CheatOnOpen(MonthlyTopK):
    """Ranks by the move from open to close of the session whose open it trades."""

    def _of_universe(self, scores, month_end):
        for name in scores.index:
            feed = self._feeds[name]
            if len(feed):
                scores[name] = feed.close[0] / feed.open[0]
        return scores


class CheatOnce(CheatOnOpen):
    """The same, in one January only."""

    def _of_universe(self, scores, month_end):
        return super()._of_universe(scores, month_end) if month_end.month == 12 else scores


class NextClose(MonthlyTopK):
    """Ranks by the close of the next session, read from the preloaded feeds, in one month."""

    def _of_universe(self, scores, month_end):
        if month_end.month == 2:
            for name in scores.index:
                feed = self._feeds[name]
                if 0 < len(feed) < feed.buflen():
                    scores[name] = feed.close[1] / feed.close[-1]
        return scores


class Own(MonthlyTopK):
    """Buys what will have risen today, by orders of its own that no log holds."""

    def next_open(self):
        if len(self.data) % 21 == 0:
            feed = max(self._feeds.values(), key=lambda f: f.close[0] / f.open[0])
            self.buy(data=feed, size=100)


class Plain(MonthlyTopK):
    """Nothing of its own but a name, and figures it has every right to."""

    def next_open(self):
        self.seen = [(feed.open[0], feed.close[-1]) for feed in self.datas if len(feed) > 1]
        super().next_open()


_KEPT = {}


class Remembering:
    """Scores by the mean close of each stock, kept from the first and longest bars it ever saw."""

    def scores(self, bars):
        frame = bars.frame("close")
        ranks = frame.rank(axis=1).iloc[-1].dropna()
        for name in ranks.index:
            ranks[name] = _KEPT.setdefault(name, frame[name].sum())
        return ranks
