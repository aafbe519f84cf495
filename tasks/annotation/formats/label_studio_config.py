"""How a Label Studio project has to be set up for comparisons that we export."""

PROMPT, BETTER, RANKING = "prompt", "better", "ranking"
VERDICT, STRENGTH, NOTE = "verdict", "strength", "note"
"""Names of the controls."""
BEST, WORST = "best", "worst"
"""Names of the buckets that answers are sorted into."""

_QUESTIONS = """\
  <Choices name="verdict" toName="prompt" choice="single" showInline="true">
    <Choice value="tie"/>
    <Choice value="both_bad"/>
    <Choice value="skip"/>
  </Choices>
  <Choices name="strength" toName="prompt" choice="single" showInline="true">
    <Choice value="slight"/>
    <Choice value="clear"/>
  </Choices>
  <TextArea name="note" toName="prompt" placeholder="Note" maxSubmissions="1"/>
</View>
"""
_PROMPT = """\
<View>
  <Paragraphs name="prompt" value="$prompt" nameKey="role" textKey="content" layout="dialogue"/>
  <Header value="Which answer is better?"/>
"""

LABEL_STUDIO_CONFIG = f"""{_PROMPT}\
  <Pairwise name="better" toName="response_1,response_2"/>
  <View style="display: flex; gap: 1em">
    <View style="flex: 50%"><Text name="response_1" value="$response_1"/></View>
    <View style="flex: 50%"><Text name="response_2" value="$response_2"/></View>
  </View>
{_QUESTIONS}"""
"""Labeling interface of a project whose comparisons all have two answers (Settings, Labeling
Interface, Code). A click on an answer chooses it; where none is better, verdict says so."""

LABEL_STUDIO_RANKING_CONFIG = f"""{_PROMPT}\
  <List name="answers" value="$answers" title="Answers"/>
  <Ranker name="ranking" toName="answers">
    <Bucket name="best" title="Best"/>
    <Bucket name="worst" title="Worst"/>
  </Ranker>
{_QUESTIONS}"""
"""Labeling interface of a project in which a comparison has three or more answers: one is drawn
into `best`, one into `worst`."""
